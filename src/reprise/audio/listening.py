"""Whether an ingest listens."""

from __future__ import annotations

from dataclasses import replace

from reprise.audio.chromaprint import require_chromaprint
from reprise.errors import MissingExtraError
from reprise.settings import EmbedSettings
from reprise.stores.library import LibraryStores


def listening(stores: LibraryStores, settings: EmbedSettings, *, always: bool = False) -> EmbedSettings:
    """The settings of an ingest that makes fingerprints of sound: `always`, or where the library has any.

    Raises MissingExtraError where fingerprints are to be made and cannot be.
    """
    if always:
        require_chromaprint()
        return replace(settings, audio="too")
    settings = as_library_listens(stores, settings)
    if settings.audio == "too":
        try:
            require_chromaprint()
        except MissingExtraError as error:
            raise MissingExtraError(
                f"the library keeps fingerprints of sound, and none can be made here: {error}; or leave the sound of "
                "these videos alone with --no-audio"
            ) from error
    return settings


def as_library_listens(stores: LibraryStores, settings: EmbedSettings) -> EmbedSettings:
    """The settings for what is held against the library: the sound too, where it has any, if it can be had."""
    return replace(settings, audio="too") if stores.sounds.any() else settings
