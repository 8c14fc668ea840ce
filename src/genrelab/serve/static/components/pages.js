// A long list that is fetched page by page, where it is looked at.

const PAGE = 100; // items per request
const MOST_PAGES = 80; // kept
const AT_ONCE = 3; // requests
const MOST_TRIES = 6; // for items that are not complete yet

export class Pages {
  /**
   * @param {(offset: number, limit: number, signal: AbortSignal) => Promise<{items: object[], total: number}>} fetchPage
   * @param {() => void} changed called when something has arrived or failed
   * @param {(item: object) => boolean} isComplete pages with other items are soon asked for again
   */
  constructor(fetchPage, changed, isComplete = () => true) {
    this.fetchPage = fetchPage;
    this.changed = changed;
    this.isComplete = isComplete;
    this.tries = new Map(); // page -> how often it was incomplete
    this.kept = new Map(); // page -> items; the page that was used last is the last
    this.waiting = new Map(); // page -> promise
    this.total = null;
    this.problem = null;
    this.stop = new AbortController();
    this.wanted = [];
  }

  /** Give up what is not there yet: the list is no longer shown. */
  close() {
    this.stop.abort();
    clearTimeout(this.timer);
    clearTimeout(this.again);
  }

  item(index) {
    return this.kept.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  /** Fetch what is missing of a range, soon: while one scrolls fast, ranges that are passed are not fetched. */
  want(first, last) {
    this.wanted = [];
    for (let page = Math.floor(first / PAGE); page <= Math.floor(Math.max(first, last) / PAGE); page += 1) {
      if (this.kept.has(page)) this.use(page);
      else if (!this.waiting.has(page)) this.wanted.push(page);
    }
    clearTimeout(this.timer);
    this.inSight = [first, last];
    this.complete();
    if (this.wanted.length) this.timer = setTimeout(() => this.pump(), this.total === null ? 0 : 60);
  }

  /** Ask again for pages in view whose items are not complete, less and less often. */
  complete() {
    clearTimeout(this.again);
    const [first, last] = this.inSight.map((index) => Math.floor(index / PAGE));
    const lacking = [...this.kept.keys()].filter(
      (page) => page >= first && page <= last && (this.tries.get(page) ?? 0) < MOST_TRIES && !this.kept.get(page).every(this.isComplete),
    );
    if (!lacking.length) return;
    const tries = Math.max(...lacking.map((page) => this.tries.get(page) ?? 0));
    this.again = setTimeout(() => {
      for (const page of lacking) {
        this.tries.set(page, (this.tries.get(page) ?? 0) + 1);
        if (!this.waiting.has(page)) this.load(page).catch(() => {});
      }
    }, 400 * 2 ** tries);
  }

  pump() {
    while (this.wanted.length && this.waiting.size < AT_ONCE) {
      this.page(this.wanted.shift()).then(
        () => this.pump(),
        () => {},
      );
    }
  }

  /** Return the items of a page. */
  async page(number) {
    if (this.kept.has(number)) return this.use(number);
    if (!this.waiting.has(number)) this.waiting.set(number, this.load(number));
    return this.waiting.get(number);
  }

  async load(number) {
    try {
      const { items, total } = await this.fetchPage(number * PAGE, PAGE, this.stop.signal);
      if (this.stop.signal.aborted) return [];
      this.total = total;
      this.problem = null;
      this.kept.set(number, items);
      if (this.kept.size > MOST_PAGES) this.kept.delete(this.kept.keys().next().value);
      return items;
    } catch (problem) {
      if (!this.stop.signal.aborted) this.problem = problem;
      throw problem;
    } finally {
      this.waiting.delete(number);
      if (!this.stop.signal.aborted) {
        this.changed();
        if (this.inSight) this.complete();
      }
    }
  }

  use(number) {
    const items = this.kept.get(number);
    this.kept.delete(number);
    this.kept.set(number, items);
    return items;
  }

  /** Return the items of a range, both ends included. */
  async range(first, last) {
    const found = [];
    for (let number = Math.floor(first / PAGE); number <= Math.floor(last / PAGE); number += 1) {
      const items = await this.page(number);
      const start = number * PAGE;
      found.push(...items.slice(Math.max(0, first - start), last + 1 - start));
    }
    return found;
  }
}
