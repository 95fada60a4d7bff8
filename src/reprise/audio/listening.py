"""Whether an ingest listens."""

from __future__ import annotations

from dataclasses import replace

from reprise.audio.chromaprint import require_chromaprint
from reprise.settings import EmbedSettings
from reprise.stores.library import LibraryStores


def listening(stores: LibraryStores, settings: EmbedSettings, *, always: bool = False) -> EmbedSettings:
    """The settings of an ingest that makes fingerprints of sound: `always`, or where the library has any.

    Raises MissingExtraError where fingerprints are to be made and cannot be.
    """
    if not always and not stores.sounds.any():
        return settings
    require_chromaprint()
    return replace(settings, audio="too")
