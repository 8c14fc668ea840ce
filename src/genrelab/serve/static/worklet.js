// Runs in the sound thread: turns the microphone's samples into blocks of 16-bit PCM, 0.1 s each.
class Sender extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(Math.round(sampleRate / 10));
    this.filled = 0;
    this.squares = 0;
  }

  process([input]) {
    const count = input[0]?.length ?? 0;
    for (let i = 0; i < count; i += 1) {
      let sample = 0; // the mean of the channels
      for (const channel of input) sample += channel[i] / input.length;
      sample = Math.max(-1, Math.min(1, sample));
      this.squares += sample * sample;
      this.block[this.filled] = Math.round(sample * 32767);
      this.filled += 1;
      if (this.filled === this.block.length) this.send();
    }
    return true;
  }

  send() {
    const level = Math.sqrt(this.squares / this.filled);
    const pcm = this.block.slice().buffer;
    this.port.postMessage({ level, pcm }, [pcm]);
    this.filled = 0;
    this.squares = 0;
  }
}

registerProcessor("sender", Sender);
