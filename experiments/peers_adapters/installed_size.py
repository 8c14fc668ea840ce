"""Print the bytes that pip installed into the environment of this Python, without pip itself and caches."""

import os
import site

NOT_COUNTED = ("pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack", "__pycache__")


def size(place: str) -> int:
    """Return the bytes below a folder of packages."""
    total = 0
    for folder, folders, files in os.walk(place):
        folders[:] = [each for each in folders if each.split("-")[0] not in NOT_COUNTED]
        total += sum(os.lstat(os.path.join(folder, each)).st_size for each in files)
    return total


if __name__ == "__main__":
    print(sum(map(size, site.getsitepackages())))
