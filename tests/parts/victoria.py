"""A VictoriaMetrics on loopback, what feeds it, and what judges by what it knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.parts.program import Program
from tests.parts.prometheus import Asked, Prometheus


class Victoria(Program, Asked):
    """A VictoriaMetrics of one node."""

    def command(self) -> Sequence[str]:
        """Return how it is started: what it is told is to be seen at once."""
        return (
            "victoria-metrics",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-storageDataPath=data",
            "-search.latencyOffset=0s",
        )


class Agent(Prometheus):
    """A Prometheus that hands over what it is told, and answers nothing."""

    def command(self) -> Sequence[str]:
        """Return how it is started."""
        return (
            "prometheus",
            "--enable-feature=agent",
            "--config.file=prometheus.yml",
            f"--storage.agent.path={self.data}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
        )


class VmAlert(Program):
    """A vmalert.

    :param rules: a pattern of the files it judges by.
    """

    def __init__(self, folder: Path, rules: str, victoria: Victoria) -> None:
        """Take note of whom it asks and tells."""
        super().__init__(folder)
        self._rules = rules
        self._victoria = f"http://127.0.0.1:{victoria.port}"

    def command(self) -> Sequence[str]:
        """Return how it is started; nobody is there to be notified."""
        return (
            "vmalert",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            f"-rule={self._rules}",
            "-evaluationInterval=1s",
            f"-datasource.url={self._victoria}",
            f"-remoteWrite.url={self._victoria}",
            "-remoteWrite.flushInterval=1s",
            f"-notifier.url={self._victoria}/nobody",
        )
