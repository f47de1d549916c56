"""Asterisk's queue_log: its lines, the visits they tell of, and how they mend a gap in what AMI told.

A line is ``time|call|queue|agent|EVENT|arguments``, the arguments separated by ``|`` as well and nothing escaped
(Asterisk's logger.c, ast_queue_log). The time is truncated to whole seconds.

Where Asterisk writes the log to a database (``queue_log => odbc,asterisk`` or another engine in extconfig.conf), the
same is a row of the table ``queue_log``. Its columns are found by name; ``ringwatch import`` and ``audit`` read an
export of it as CSV with these names in the first row:

=================  ====================================================================================================
time               ``2026-11-21 15:59:10.123456`` by the PBX's clock (UTC with ``queue_log_realtime_use_gmt`` in
                   logger.conf), or seconds since 1970
callid             Uniqueid of the caller's channel; ``NONE``, ``MANAGER`` or ``REALTIME`` where no call is meant
queuename          the queue, or ``NONE``
agent              the member's name, or ``NONE``
event              as in the file
data1 ... data5    the arguments one by one, further ones behind ``|`` in data5; or, where the table lacks these,
data               all of them in one column, with ``|`` between them
=================  ====================================================================================================

With ``queue_log_to_file = yes`` in logger.conf the file is written beside the table.
"""

from ringwatch.core.queue_log.healing import Told, heal, lost, mend, plain
from ringwatch.core.queue_log.lines import Damaged, Foreign, Line, Parser, Read
from ringwatch.core.queue_log.stories import QueueLog
from ringwatch.core.queue_log.telling import Story

__all__ = [
    "Damaged",
    "Foreign",
    "Line",
    "Parser",
    "QueueLog",
    "Read",
    "Story",
    "Told",
    "heal",
    "lost",
    "mend",
    "plain",
]
