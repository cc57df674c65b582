"""`agent apply [RELEASE]`: from a manifest in the bucket to a server that runs it. The order of things, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext

from . import application, operator, release, rollout, rotation, services, staging
from .database import Cluster, LocalDatabase
from .files import Target, Transaction
from .manifest import Manifest
from .mysql import Login, Mysql, Query, query
from .server import Server
from .services import AGENT, APP, FAILOVER, HANDOVER, HAPROXY, MYSQL, NGINX, ROTATION, SERVICES
from .state import State, current, folder, point_to, prune
from .store import Store
from .system import Failed, System


def fetch(server: Server, store: Store, wanted: str | None) -> tuple[Manifest, str]:
    """The manifest the bucket holds for this server, and its text. Raises Failed when it is another release than `wanted`."""
    text = store.manifest()
    manifest = Manifest.parse(text)
    if manifest.server != server.server:
        raise Failed(f"manifest: made for {manifest.server}, this is {server.server}")
    if wanted not in (None, manifest.release):
        raise Failed(
            f"release {wanted} was asked for, the bucket holds {manifest.release}: another `pulumi up` is under way "
            "or was cut off; run `pulumi up` again"
        )
    return manifest, text


def apply(
    system: System,
    store: Store,
    manifest: Manifest,
    text: str,
    ask: Query = query,
    cluster: Callable[[System], Cluster] = operator.cluster,
) -> None:
    """Bring this server to the release. Raises Failed; then the previous one runs on."""
    state = State.load(system)
    upgrade = state.release not in (None, manifest.release)
    with rollout.turn(system, store, manifest) if upgrade else nullcontext():
        Apply(system, store, manifest, text, state, Mysql(Login(), ask), lambda: cluster(system)).run()


class Apply:
    def __init__(
        self,
        system: System,
        store: Store,
        manifest: Manifest,
        text: str,
        state: State,
        mysql: Mysql,
        cluster: Callable[[], Cluster],
    ) -> None:
        self.system, self.store, self.manifest, self.text, self.state = system, store, manifest, text, state
        self.before = state.release
        self.said = len(system.lines)
        self.database = LocalDatabase(system=system, store=store, mysql=mysql, manifest=manifest, cluster=cluster)

    def run(self) -> None:
        system, manifest = self.system, self.manifest
        changes = release.changes(system, self.store, manifest, self.state)
        self._check(changes)
        application.install_packages(system, manifest)
        application.unpack(system, self.store, manifest, self.text)
        transaction = Transaction(system)
        link = current(system)
        try:
            self._install(transaction, changes)
            self._switch()
        except BaseException as error:
            # The first release has nothing to go back to: what is there is mended by the next attempt.
            if self.before:
                self._go_back(transaction, link, error)
            raise
        self._finish()

    def _check(self, changes: list[Target]) -> None:
        inputs = {file.path: file.sha256 for file in self.manifest.files}
        affected = services.affected((target.path for target in changes), services.present(inputs))
        staging.check(self.system, changes, affected)

    def _install(self, transaction: Transaction, changes: list[Target]) -> None:
        for target in changes:
            self.system.log(f"{target.path}: {'remove' if target.content is None else 'write'}")
        transaction.install(changes)
        self.state.files = sorted({*self.state.files, *release.paths(self.manifest)})
        self.state.save(self.system)
        self._reload_units(changes)

    def _switch(self) -> None:
        """The database before whoever needs it, the set-up before the application, then visitors may come."""
        system, new = self.system, self.manifest.release
        if self.before is None:
            point_to(system, new)  # nothing runs yet that could be disturbed, and the agent starts from there
        inputs = self._inputs(self.manifest)
        self._settle(inputs, MYSQL)
        if current(system) == new:
            self._settle(inputs, FAILOVER, HANDOVER, AGENT)
        self._settle(inputs, HAPROXY)
        with self._out_of_rotation(inputs, NGINX):
            self._settle(inputs, NGINX)
        if self.manifest.database:
            self.database.converge()
        self._set_up()
        if current(system) != new:
            point_to(system, new)
            self._settle(inputs, FAILOVER, HANDOVER, AGENT)
        self._restart_application(inputs)
        self._settle(inputs, ROTATION)

    def _settle(self, inputs: Mapping[str, str], *some: services.Service) -> None:
        services.settle(self.system, self.state, inputs, some)

    def _set_up(self) -> None:
        if not self.manifest.app:
            return
        self.database.wait_for_route()
        if not self.manifest.app.setup or self.database.is_set_up():
            return
        if self.database.is_first:
            application.set_up(self.system, self.manifest)
            self.database.record_set_up()
        else:
            self.database.wait_until_set_up()

    def _restart_application(self, inputs: Mapping[str, str]) -> None:
        if not self.manifest.app:
            return
        with self._out_of_rotation(inputs, APP):
            try:
                self._settle(inputs, APP)
                application.wait_until_healthy(self.system, self.manifest)
            except Failed as failed:
                raise Failed(f"{failed}; last words: {services.last_words(self.system, APP)}") from None

    @contextmanager
    def _out_of_rotation(self, inputs: Mapping[str, str], *some: services.Service) -> Iterator[None]:
        """While one of them restarts, visitors are elsewhere. A reload is graceful; before the first release nobody comes."""
        if self.before and any(services.restarts(self.state, inputs, service) for service in services.present(inputs, some)):
            rotation.raise_flag(self.system, rotation.DRAIN)
            self.system.sleep(rotation.MOVED_ON_S)
        try:
            yield
        finally:
            rotation.lower_flag(self.system, rotation.DRAIN)

    def _go_back(self, transaction: Transaction, link: str | None, error: BaseException) -> None:
        """Files, `current` and services as they were. What fails here is told beside the reason, not instead of it."""
        self.system.log(f"going back to release {self.before} because: {error}")
        try:
            changed = transaction.restore()
            self._reload_units(changed)
            if link:
                point_to(self.system, link)
            previous = Manifest.parse(self.system.path(f"{folder(self.before)}/manifest.json").read_text())
            inputs = self._inputs(previous)
            with self._out_of_rotation(inputs, NGINX, APP):
                # The one that may refuse comes last.
                self._settle(inputs, *(service for service in SERVICES if service is not FAILOVER), FAILOVER)
        except (Failed, OSError) as worse:
            self.system.log(f"going back failed: {worse}")

    def _reload_units(self, changes: list[Target]) -> None:
        if any(target.path.startswith("/etc/systemd/system/") for target in changes):
            self.system.run("systemctl", "daemon-reload")

    def _inputs(self, manifest: Manifest) -> Mapping[str, str]:
        return release.inputs(self.system, self.state.files, manifest)

    def _finish(self) -> None:
        nothing = len(self.system.lines) == self.said  # every act is logged
        self.state.release = self.manifest.release
        self.state.files = release.paths(self.manifest)
        self.state.save(self.system)
        prune(self.system, keep=[self.manifest.release])
        self.system.log(f"release {self.manifest.release}: {'nothing to change' if nothing else 'applied'}")
