"""When each picture starts, made out of time stamps that may be missing, jump ahead or step back."""

from __future__ import annotations

from fractions import Fraction

# ffmpeg's dts_delta_threshold: where recordings may be joined, a longer step ahead is a join.
JUMP_S = 10
# A step back of a few pictures is a muxer's disorder; a longer one is a clock that was set back.
STEP_BACK_S = 1
# An MP4 announces the length by its decoding stamps: too short by the pictures that the decoder holds back, which
# in a slide show is minutes, yet not by more than the rest of it.
ANNOUNCED_TIMES = 2
# Where the file announces no length, nothing but this tells a picture that stays from a damaged time stamp.
LONGEST_STILL_S = 3600


class Clock:
    """Gives each picture of one video its start, in seconds from the first picture.

    Call it once for each picture, in display order. The starts never step back:

    - A picture with no time stamp starts one usual picture length after the one before.
    - A stamp is broken if it steps back by more than STEP_BACK_S, or ahead by more than JUMP_S where `may_jump`
      is set, where the next picture steps back again, or where it leads past ANNOUNCED_TIMES the length of the
      file and JUMP_S more. (A file that announces no length, `announced_s` None: where it steps ahead by more
      than LONGEST_STILL_S.) Its picture starts one usual length after the one before, and from there the clock
      goes on; back to the old count as soon as a stamp fits that again.
    - A smaller step back makes the clock stand still.

    So a picture may stay for minutes, joined recordings follow each other, and damaged stamps cannot stretch a
    video far beyond what the file says of its length.
    """

    def __init__(self, usual_length_s: Fraction, *, may_jump: bool, announced_s: float | None) -> None:
        self._usual_length_s = usual_length_s
        self._may_jump = may_jump
        self._announced_s = None if announced_s is None else Fraction(announced_s)
        self._zeros_s: list[Fraction] = []  # the stamps that count as 0: now, and before the last broken stamp
        self._last_s: Fraction | None = None

    def start_s(self, stamp_s: Fraction | None, next_stamp_s: Fraction | None = None) -> Fraction:
        """The start of the next picture, by its time stamp and that of the picture after it.

        None stands for a stamp that the file does not give, or for no picture.
        """
        if self._last_s is None:
            start_s = Fraction(0)
            self._zeros_s = [] if stamp_s is None else [stamp_s]
        else:
            start_s = self._last_s + self._usual_length_s
            if stamp_s is not None:
                start_s = self._counted(stamp_s, next_stamp_s, start_s)
        self._last_s = start_s
        return start_s

    def end_s(self, length_s: Fraction | None) -> Fraction:
        """The end of the latest picture, which lasts for `length_s`; None if the file does not say.

        Past the announced length, or JUMP_S where none is announced, a length is not believed: muxers give the
        last picture that of the one before.
        """
        assert self._last_s is not None
        latest_s = self._last_s + JUMP_S if self._announced_s is None else self._announced_s + STEP_BACK_S
        if not length_s or self._last_s + length_s > latest_s:
            length_s = self._usual_length_s
        return self._last_s + length_s

    def _counted(self, stamp_s: Fraction, next_stamp_s: Fraction | None, otherwise_s: Fraction) -> Fraction:
        assert self._last_s is not None
        for index, zero_s in enumerate(self._zeros_s):
            next_s = None if next_stamp_s is None else next_stamp_s - zero_s
            if not self._is_broken(stamp_s - zero_s, next_s):
                self._zeros_s = self._zeros_s[index:]
                return max(stamp_s - zero_s, self._last_s)
        self._zeros_s = [stamp_s - otherwise_s, *self._zeros_s[-1:]]
        return otherwise_s

    def _is_broken(self, start_s: Fraction, next_s: Fraction | None) -> bool:
        assert self._last_s is not None
        step_s = start_s - self._last_s
        if step_s <= JUMP_S:
            return step_s < -STEP_BACK_S
        if self._may_jump or (next_s is not None and next_s < start_s - STEP_BACK_S):
            return True
        if self._announced_s is None:
            return step_s > LONGEST_STILL_S
        return start_s > ANNOUNCED_TIMES * self._announced_s + JUMP_S
