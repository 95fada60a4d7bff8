"""Opening a library: its stores, and what its videos are embedded with."""

from __future__ import annotations

import os
from dataclasses import replace

from reprise.decoding.limits import DecodeLimits
from reprise.models.loading import check_has_frame_vectors
from reprise.models.weights import name_of
from reprise.settings import EmbedSettings
from reprise.stores.frames import LibraryFacts
from reprise.stores.library import LibraryStores
from reprise.stores.lock import usual_wait_s
from reprise.stores.place import Place


class Opening:
    """A library's stores, opened when they are first asked for, and its settings, the library's own from then on."""

    def __init__(
        self,
        library: str | os.PathLike[str],
        model: str | None,
        fps: float | None,
        device: str,
        weights: str | None,
        matrices: str | None,
        *,
        wait_s: float | None,
        limits: DecodeLimits | None,
    ) -> None:
        """Arguments and errors as those of `reprise.Library`."""
        self.place = Place.of(library, matrices)
        self._given_fps, self._given_model = fps, model
        usual = EmbedSettings()
        self.settings = EmbedSettings(
            usual.model if model is None else model,
            usual.fps if fps is None else fps,
            device,
            # Whose they are, only the library knows where no model is named.
            weights=None if model is None else weights,
            limits=limits or usual.limits,
        )
        check_has_frame_vectors(self.settings.network)
        self._weights = weights
        self.wait_s = usual_wait_s() if wait_s is None else wait_s
        self._embeds = False  # whether the model was seen to be the one that the library was made with
        self._stores: LibraryStores | None = None

    @property
    def is_described(self) -> bool:
        """Whether both model and frames a second were asked for."""
        return self._given_model is not None and self._given_fps is not None

    def stores(self, *, create: bool = False, facts: LibraryFacts | None = None) -> LibraryStores:
        """The opened stores; with `create` they are made where there are none, of the facts or else as was asked for.

        Raises LibraryError.
        """
        if self._stores is None:
            if facts is not None:
                facts.check_model(name_of(facts.model), self._given_model, self.place.shown)
            made_of = (facts or self._facts()) if create else None
            stores = LibraryStores(self.place, create=made_of, wait_s=self.wait_s)
            try:
                self._adopt(stores.frames.facts())
            except BaseException:  # raised again: whatever it is, the lock must not stay behind
                stores.close()
                raise
            self._stores = stores
        return self._stores

    def stores_to_embed(self, *, create: bool = False) -> LibraryStores:
        """As `stores`, and the model's weights are here and those that the library was made with."""
        stores = self.stores(create=create)
        if not self._embeds:
            stores.frames.facts().check(self._facts(), self.place.shown)
            self._embeds = True
        return stores

    def close(self) -> None:
        """Gives the stores back to other processes; once is enough, more does no harm."""
        if self._stores is not None:
            self._stores.close()
            self._stores = None
            self._embeds = False

    def _adopt(self, have: LibraryFacts) -> None:
        """Takes over what the library was made with, where nothing else was asked for."""
        name = name_of(have.model)
        have.check_model(name, self._given_model, self.place.shown)
        self.settings = replace(
            self.settings,
            model=name,
            weights=self._weights,
            fps=have.fps if self._given_fps is None else self._given_fps,
        )
        # What other networks' weights are takes reading them, which only what embeds needs to do.
        have.check(self._facts() if not self.settings.network.weights else self._like(have), self.place.shown)

    def _like(self, have: LibraryFacts) -> LibraryFacts:
        return LibraryFacts(have.model, have.dimension, self.settings.fps)

    def _facts(self) -> LibraryFacts:
        return LibraryFacts(self.settings.identity, self.settings.dimension, self.settings.fps)
