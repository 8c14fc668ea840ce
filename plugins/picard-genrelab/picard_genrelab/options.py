"""The options of the plugin, and their page in Picard's dialog."""

from __future__ import annotations

from picard.plugin3.api import OptionsPage, PluginApi
from PyQt6 import QtWidgets

DEFAULTS = {
    "url": "http://127.0.0.1:8765",
    "token": "",
    "auto": False,
    "overwrite": False,
    "guess": False,
    "full": False,
    "count": 1,
    "min_confidence": 0.0,
}

_SWITCHES = {
    "auto": "Recognize files when they are loaded",
    "overwrite": "Replace genres that are there",
    "guess": "Also write the first genre when the model is unsure",
    "full": "Process whole files (slower)",
}


def register_options(api: PluginApi) -> None:
    """Make the options known to Picard, with their defaults."""
    for name, default in DEFAULTS.items():
        api.plugin_config.register_option(name, default)


class GenrelabPage(OptionsPage):
    """The page of options."""

    NAME = "genrelab"
    TITLE = "genrelab"
    PARENT = "plugins"

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent=parent)
        form = QtWidgets.QFormLayout(self)
        self.url, self.token = QtWidgets.QLineEdit(self), QtWidgets.QLineEdit(self)
        self.token.setEchoMode(QtWidgets.QLineEdit.EchoMode.Password)
        self.count = QtWidgets.QSpinBox(self)
        self.count.setRange(1, 5)
        self.min_confidence = QtWidgets.QDoubleSpinBox(self)
        self.min_confidence.setRange(0.0, 1.0)
        self.min_confidence.setSingleStep(0.05)
        form.addRow("Address of genrelab serve", self.url)
        form.addRow("Token, if the server wants one", self.token)
        form.addRow("Most genres", self.count)
        form.addRow("Least confidence", self.min_confidence)
        self.switches: dict[str, QtWidgets.QCheckBox] = {}
        for name, text in _SWITCHES.items():
            self.switches[name] = QtWidgets.QCheckBox(text, self)
            form.addRow(self.switches[name])

    def load(self) -> None:
        """Show the options."""
        config = self.api.plugin_config
        self.url.setText(config["url"])
        self.token.setText(config["token"])
        self.count.setValue(int(config["count"]))
        self.min_confidence.setValue(float(config["min_confidence"]))
        for name, box in self.switches.items():
            box.setChecked(bool(config[name]))

    def save(self) -> None:
        """Store the options."""
        config = self.api.plugin_config
        config["url"], config["token"] = self.url.text().strip(), self.token.text().strip()
        config["count"], config["min_confidence"] = self.count.value(), self.min_confidence.value()
        for name, box in self.switches.items():
            config[name] = box.isChecked()
