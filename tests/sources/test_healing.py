"""The healer of a PBX, driven as the pump drives it: recorded AMI streams with holes in them, and a log that grows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import cache
from math import inf
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from ringwatch.ami.translate import Translator
from ringwatch.core import events as ev
from ringwatch.core.engine import Engine
from ringwatch.core.facts import Gap, Key, Leg, QueueVisit, Record
from ringwatch.core.queue_log import Line, lost
from ringwatch.core.standards import Policy
from ringwatch.sources.healing import HOLD_BACK_SECONDS, KEEP_SECONDS, SETTLE_SECONDS, QueueLogHealer
from tests.core.queue_log.logs import Log, captured, lines
from tests.core.queue_log.test_healing import LEG, ONE_VISIT, TALKING, WAITING
from tests.tools.captures import CAPTURES, blocks

NINE = 1_795_424_400
POLICY = Policy(trunks=("PJSIP/trunk",))
