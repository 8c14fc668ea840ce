"""The audit of a corpus: repetitions, faults, and leaks of a split.

`audit_corpus(corpus, split=split)` returns an `Audit`; `write_audit(folder, audit)` writes its page, its
tables and the list of clips to exclude.
"""

from genrelab.lab.audit.audit import Audit, SharedArtist, audit_corpus
from genrelab.lab.audit.faults import Fault
from genrelab.lab.audit.groups import Exclusion
from genrelab.lab.audit.pairs import Pair
from genrelab.lab.audit.writing import write_audit

__all__ = ["Audit", "Exclusion", "Fault", "Pair", "SharedArtist", "audit_corpus", "write_audit"]
