"""Recognize large collections: many processes or machines, local folders or object stores.

A catalogue is a folder or an S3 prefix with write-once Parquet files. `genrelab catalogue run` adds the files
of a listing that it lacks; `read_catalogue` reads it.

>>> from genrelab.catalogue import read_catalogue
>>> for table in read_catalogue("s3://results/catalogue", columns=["path", "genre"]):  # doctest: +SKIP
...     print(table.to_pylist())
"""

from genrelab.extras import need_extra

need_extra("cluster", "a catalogue", "pyarrow")

from genrelab.catalogue.reader import read_catalogue  # noqa: E402
from genrelab.catalogue.settings import Settings  # noqa: E402

__all__ = ["Settings", "read_catalogue"]
