"""Makes the plugin lastgenre answer without a network: an album whose artist is `Known` is ambient."""

from beets.plugins import BeetsPlugin


class OfflineLastfmPlugin(BeetsPlugin):
    def __init__(self):
        super().__init__()
        from beetsplug.lastgenre.client import LastFmClient

        def fetch(self, kind, found, *rest):
            return ["ambient"] if getattr(found, "albumartist", "") == "Known" else []

        LastFmClient.fetch = fetch
