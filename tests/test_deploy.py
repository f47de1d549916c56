"""What lies in deploy/, as far as it can be judged without the engines that run it.

The unit, the image's build and its health check are tried for real in tests/parts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ringwatch import __version__, config
from tests.containerfile import healthcheck, last, stages

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
SCHEMAS = Path(__file__).parent / "fixtures" / "schemas"
WEB = ROOT / "ringwatch" / "sinks" / "web.py"
PORT = 9816


def web_paths() -> set[str]:
    """Return the pages that the daemon has."""
    return set(re.findall(r'web\.get\("([^"]+)"', WEB.read_text()))


class TestUnit:
    """deploy/systemd; what systemd itself says of it is in tests/parts."""

    def unit(self) -> dict[str, list[str]]:
        """Return every setting of the unit with its values."""
        found: dict[str, list[str]] = {}
        for line in (DEPLOY / "systemd" / "ringwatch.service").read_text().splitlines():
            if "=" in line and not line.startswith("#"):
                key, value = line.split("=", 1)
                found.setdefault(key, []).append(value)
        return found

    def test_it_is_watched_and_started_again(self) -> None:
        """Where it says that it is alive, and within limits."""
        unit = self.unit()
        assert unit["Type"] == ["notify"]
        assert unit["WatchdogSec"] == ["30s"]
        assert unit["Restart"] == ["on-failure"]
        assert {"RestartSec", "StartLimitIntervalSec", "StartLimitBurst"} <= unit.keys()

    def test_its_secret_has_the_name_that_the_configuration_gives_it(self) -> None:
        """LoadCredential's name is the file's name in the configuration as it is delivered."""
        (credential,) = self.unit()["LoadCredential"]
        assert f'\nsecret_file = "{credential.split(":")[0]}"\n' in (ROOT / "config" / "ringwatch.toml").read_text()


class TestImage:
    """deploy/container."""

    def test_every_base_is_pinned(self) -> None:
        """By an exact version, a digest, or both: never by what is the latest at the moment."""
        for stage in stages():
            image = stage[0].words[0]
            assert re.search(r"@sha256:[0-9a-f]{64}$|:\d+\.\d+\.\d+[-\w.]*$", image), image

    def test_its_user_is_a_number_and_not_root(self) -> None:
        """Kubernetes can tell only of a number that it is not root."""
        user, group = last(stages()[-1], "USER").rest.split(":")
        assert int(user) > 0
        assert int(group) > 0

    def test_it_asks_the_daemon_itself_whether_it_is_healthy(self) -> None:
        """With what is in the image, at a page that is there."""
        program, *arguments = healthcheck()
        assert program == "python"
        (address,) = re.findall(rf"http://127\.0\.0\.1:{PORT}(/[^']*)'", arguments[-1])
        assert address in web_paths()
        assert last(stages()[-1], "EXPOSE").rest == str(PORT)

    def test_what_it_copies_is_there_and_may_be_seen(self) -> None:
        """The clone has it, and .dockerignore lets it through."""
        let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        copied = [
            source for instruction in stages()[0] if instruction.name == "COPY" for source in instruction.words[:-1]
        ]
        assert copied
        for source in copied:
            assert (ROOT / source).exists(), source
            assert source in let_through, source

    def test_every_dependency_is_held_to_its_hash(self) -> None:
        """And nothing is installed that is not in the lock."""
        pips = [each.rest for each in stages()[0] if each.name == "RUN" and "pip install" in each.rest]
        assert all("--require-hashes" in each or "--no-deps" in each for each in pips)
        assert len(pips) == 2


COMPOSE = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def binds() -> Iterator[tuple[str, str]]:
    """Yield what each service has mounted of the clone, and where."""
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                yield name, source


class TestCompose:
    """deploy/compose."""

    def test_it_is_what_the_specification_allows(self) -> None:
        """By its JSON schema, which knows a mistyped key."""
        # The name that the file gives its draft is not the one that it has got since.
        judge = jsonschema.Draft201909Validator(json.loads((SCHEMAS / "compose-spec.json").read_text()))
        judge.validate(COMPOSE)
        mistyped = {**SERVICES["ringwatch"], "readonly": True}
        assert not judge.is_valid({**COMPOSE, "services": {**SERVICES, "ringwatch": mistyped}})

    @pytest.mark.parametrize("name", SERVICES)
    def test_every_container_is_sealed(self, name: str) -> None:
        """No writable root, no capability, no more rights than it began with."""
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service

    @pytest.mark.parametrize("name", SERVICES)
    def test_every_container_is_asked_whether_it_is_healthy(self, name: str) -> None:
        """But for the one that only holds the network; ringwatch as by its image, which not every builder keeps."""
        check = SERVICES[name].get("healthcheck")
        if name == "ringwatch":
            assert check is not None
            assert check["test"] == ["CMD", *healthcheck()]
        elif name == "pod":
            assert check == {"disable": True}
        else:
            assert check is not None
            assert check["test"][0] == "CMD"

    def test_nothing_is_published_but_to_this_host(self) -> None:
        """Whoever wants more puts a proxy with TLS and passwords before it."""
        ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
        assert ports
        assert all(port.startswith("127.0.0.1:") for port in ports)

    @pytest.mark.parametrize("name", SERVICES)
    def test_every_image_is_pinned(self, name: str) -> None:
        """By an exact tag, so that a new start is not an upgrade; ringwatch's by its own version."""
        tag = SERVICES[name]["image"].rsplit(":", 1)[1]
        assert tag == __version__ if name == "ringwatch" else re.fullmatch(r"v?\d+(\.\d+)+(-[\w-]+)?", tag)

    @pytest.mark.parametrize(("name", "source"), list(binds()))
    def test_what_is_mounted_is_there(self, name: str, source: str) -> None:
        """Else an engine makes an empty folder of that name, and the service starts with nothing."""
        assert (DEPLOY / "compose" / source).exists(), f"{name}: {source}"

    def test_every_volume_and_secret_is_declared_and_used(self) -> None:
        """None of them too many."""
        used = {
            volume.split(":")[0]
            for service in SERVICES.values()
            for volume in service.get("volumes", [])
            if not volume.startswith(".")
        }
        secrets = {
            secret if isinstance(secret, str) else secret["source"]
            for service in SERVICES.values()
            for secret in service.get("secrets", [])
        }
        assert used == set(COMPOSE["volumes"])
        assert secrets == set(COMPOSE["secrets"])

    def test_its_configuration_of_ringwatch_is_right(self, tmp_path: Path) -> None:
        """Every key is known; the secrets are where the engine puts them."""
        text = (DEPLOY / "compose" / "ringwatch.toml").read_text()
        for name in SERVICES["ringwatch"]["secrets"]:
            (tmp_path / name).write_text("x")
            (tmp_path / name).chmod(0o600)
            assert f"/run/secrets/{name}" in text
        settings = config.parse(text.replace("/run/secrets", str(tmp_path)), "compose/ringwatch.toml")
        assert str(settings.web.listen) == f"0.0.0.0:{PORT}"


KUBERNETES = DEPLOY / "kubernetes"


def manifests() -> Iterator[dict[str, Any]]:
    """Yield every object of deploy/kubernetes."""
    for file in sorted(KUBERNETES.iterdir()):
        yield from yaml.safe_load_all(file.read_text())


OBJECTS = {each["kind"]: each for each in manifests()}
POD: dict[str, Any] = OBJECTS["Deployment"]["spec"]["template"]["spec"]
LABELS = {"app.kubernetes.io/name": "ringwatch"}


class TestKubernetes:
    """deploy/kubernetes."""

    @pytest.mark.parametrize("kind", sorted(set(OBJECTS) - {"PodMonitor"}))
    def test_an_object_is_what_the_api_allows(self, kind: str) -> None:
        """By Kubernetes' own description of it, in which an unknown key is a fault."""
        schema = json.loads((SCHEMAS / "kubernetes-1.31.json").read_text())
        (name,) = [
            each
            for each, its in schema["$defs"].items()
            if its.get("properties", {}).get("kind", {}).get("enum") == [kind]
        ]
        judge = jsonschema.Draft202012Validator({**schema, "$ref": f"#/$defs/{name}"})
        judge.validate(OBJECTS[kind])
        metadata = {**OBJECTS[kind]["metadata"], "nmae": "mistyped"}
        assert not judge.is_valid({**OBJECTS[kind], "metadata": metadata})

    def test_there_is_one_daemon_at_a_time(self) -> None:
        """Two would write one file of facts."""
        spec = OBJECTS["Deployment"]["spec"]
        assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})

    def test_the_probes_ask_for_pages_that_are_there(self) -> None:
        """Alive is not the same as attached."""
        (container,) = POD["containers"]
        paths = {name: container[name]["httpGet"] for name in ("livenessProbe", "readinessProbe")}
        assert paths == {
            "livenessProbe": {"path": "/-/healthy", "port": "web"},
            "readinessProbe": {"path": "/-/ready", "port": "web"},
        }
        assert {each["path"] for each in paths.values()} < web_paths()

    def test_one_port_is_meant_everywhere(self) -> None:
        """By the configuration, the container, the service, the policy and who scrapes."""
        (container,) = POD["containers"]
        assert container["ports"] == [{"name": "web", "containerPort": PORT}]
        assert OBJECTS["Service"]["spec"]["ports"] == [{"name": "web", "port": PORT, "targetPort": "web"}]
        assert [each["port"] for each in OBJECTS["NetworkPolicy"]["spec"]["ingress"][0]["ports"]] == ["web"]
        (endpoint,) = OBJECTS["PodMonitor"]["spec"]["podMetricsEndpoints"]
        assert (endpoint["port"], endpoint["path"]) == ("web", "/metrics")
        assert f'listen = "0.0.0.0:{PORT}"' in OBJECTS["ConfigMap"]["data"]["ringwatch.toml"]

    def test_everything_selects_the_same_pods(self) -> None:
        """A label that is mistyped selects nothing, and nobody says so."""
        deployment = OBJECTS["Deployment"]["spec"]
        assert deployment["template"]["metadata"]["labels"] == LABELS
        assert deployment["selector"]["matchLabels"] == LABELS
        assert OBJECTS["Service"]["spec"]["selector"] == LABELS
        assert OBJECTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == LABELS
        assert OBJECTS["PodMonitor"]["spec"]["selector"]["matchLabels"] == LABELS
        assert all(each["metadata"]["labels"] == LABELS for each in OBJECTS.values())

    def test_it_is_restricted(self) -> None:
        """As the Pod Security Standard of that name asks, with a read-only root besides."""
        (container,) = POD["containers"]
        user = int(last(stages()[-1], "USER").rest.split(":")[0])
        assert POD["securityContext"]["runAsNonRoot"] is True
        assert POD["securityContext"]["runAsUser"] == user
        assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC"} & POD.keys()
        assert POD["automountServiceAccountToken"] is False
        assert container["resources"].keys() == {"requests", "limits"}

    def test_what_is_mounted_is_declared(self) -> None:
        """Each volume once, each from an object that is there."""
        (container,) = POD["containers"]
        assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in POD["volumes"]}
        by_name = {each["name"]: each for each in POD["volumes"]}
        assert by_name["config"]["configMap"]["name"] == OBJECTS["ConfigMap"]["metadata"]["name"]
        assert by_name["secret"]["secret"]["secretName"] == OBJECTS["Secret"]["metadata"]["name"]
        claim = by_name["facts"]["persistentVolumeClaim"]["claimName"]
        assert claim == OBJECTS["PersistentVolumeClaim"]["metadata"]["name"]

    def test_its_configuration_is_right(self, tmp_path: Path) -> None:
        """Every key is known, and the secret is where the Secret is mounted, under the name it has there."""
        text = OBJECTS["ConfigMap"]["data"]["ringwatch.toml"]
        (container,) = POD["containers"]
        mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        (name,) = OBJECTS["Secret"]["stringData"]
        assert f'secret_file = "{mounts["secret"]}/{name}"' in text
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(0o600)
        config.parse(text.replace(mounts["secret"], str(tmp_path)), "kubernetes")

    def test_the_operator_scrapes_as_prometheus_does(self) -> None:
        """The rules and dashboards ask for the job by its name."""
        (endpoint,) = OBJECTS["PodMonitor"]["spec"]["podMetricsEndpoints"]
        assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": "ringwatch"}]
        assert OBJECTS["PodMonitor"]["apiVersion"] == "monitoring.coreos.com/v1"


def test_the_versions_of_the_image_are_ringwatchs_own() -> None:
    """Wherever one is named."""
    named = [COMPOSE["services"]["ringwatch"]["image"], POD["containers"][0]["image"]]
    assert {image.rsplit(":", 1)[1] for image in named} == {__version__}
