"""Lists of clips, splits and leaks, which can be shared where music cannot.

`write_list` writes the folder of a list; `read_list` and `compare_list` check one's own copy against it. The
split `file:FOLDER` trains on it. There is no sound in a list, and none can be rebuilt from it.
"""

from genrelab.lab.sharing.compare import Comparison, compare_list
from genrelab.lab.sharing.list_file import ClipList, ListedClip, read_list
from genrelab.lab.sharing.write import Wishes, write_list

__all__ = ["ClipList", "Comparison", "ListedClip", "Wishes", "compare_list", "read_list", "write_list"]
