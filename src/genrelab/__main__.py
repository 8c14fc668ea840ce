"""`python -m genrelab` is the command `genrelab`."""

from genrelab.cli.main import run

if __name__ == "__main__":
    run()
