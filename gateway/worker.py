"""The worker of one partition: messages in, one transaction of journal and decisions, then acknowledgement."""

from __future__ import annotations

import json
import logging
import queue
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, islice
from typing import Any, NamedTuple

from firmware.wire import messages
from firmware.wire.errors import WireError
from gateway import positions
from gateway.contract.orders import Order
from gateway.contract.transitions import Transition
from gateway.downlink import Downlink
from gateway.errors import FileUnreadable
from gateway.geofence.case import State, begin, case_of
from gateway.geofence.motion import Observation
from gateway.geofence.swapped import WORDS as SWAPPED
from gateway.ingest import decoder, owntracks
from gateway.journal import states
from gateway.journal.port import Arrival, Message, StateRow, Store, Stored
from gateway.orders_file import OrdersFile, Stamp, nothing_is_garbage
from gateway.partition import Partition, Sleeping

BATCH_MAX = 300
STEPS_MAX = 500  # decisions by time alone between two looks at the broker: about 0.1 s
# A changed state is stored after this time or so many messages, whichever comes first: a restart takes in again what
# came since. Never more than a slice at a time (about 10 ms), or as many as messages came: nobody waits for the rest.
STORE_AFTER_WALL_MS = 10_000
STORE_AFTER_MESSAGES = 20_000
STORE_SLICE = 50
FORGET_WALL_MS = 10_000
KEEP_MESSAGES_MS = 30 * 86_400_000
POSITIONS_MAX = 20_000
LOG = logging.getLogger("gateway")


class Delivery(NamedTuple):
    """One message as the broker handed it over; `acknowledge` is called once it is in the journal or set aside.

    `now_ms` is the time to decide at when an earlier process has stamped it; None means when the worker takes it.
    """

    topic: str
    payload: bytes
    received_wall_ms: int
    acknowledge: Callable[[], None]
    now_ms: int | None = None


class Mark(NamedTuple):
    """A moment in the life of a journal: the last message that was in it."""

    seq: int
    wall_ms: int


def say(text: str, *, trouble: bool = False, **facts: str) -> None:
    """One line for whoever runs the gateway; `facts` are the fields of a structured log. Never a position.

    Of a fault of ours only its kind is said: its text may quote what it was about, and is kept in quarantine.
    """
    LOG.log(logging.WARNING if trouble else logging.INFO, "%s", text, extra=facts)


def _all(_order: Order) -> bool:
    return True


class Worker:
    """Takes in messages, decides, journals. All calls come from one thread but `positions` and the counters.

    Of the orders in the file it judges those that are `mine`.
    """

    def __init__(
        self,
        journal: Store,
        keys: dict[str, bytes],
        orders: OrdersFile,
        now_ms: Callable[[], int],
        wall_ms: Callable[[], int],
        mine: Callable[[Order], bool] = _all,
    ) -> None:
        self.journal = journal
        self.keys = keys
        self.now_ms = now_ms
        self.wall_ms = wall_ms
        self.orders = orders
        self.mine = mine
        self.partition = Partition(on_fault=self._fault)
        self.downlink: Downlink | None = None
        self.positions: queue.Queue[dict[str, Any]] = queue.Queue(POSITIONS_MAX)
        self.versions: dict[str, int] | None = None
        """The version of every order that is judged; replaced as a whole, so that any thread may read it."""
        self.seen = 0
        self.repeats = 0
        self._orders_stamp: Stamp | None = None
        self._batch = journal.last_batch()
        self._seq = journal.last_seq()
        self._alarmed_awake = False
        self._forgot_wall_ms = 0

    # ---- start and orders -------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Takes up where the last checkpoint and the journal after it stand; raises FileUnreadable."""
        with nothing_is_garbage():
            self._start()

    def _start(self) -> None:
        orders = self._read_orders()
        stored = self.journal.stored()
        self.partition.restore(
            self._sleeping(order, stored[order.order_id]) for order in orders if order.order_id in stored
        )
        for batch, now_ms, seq, rows in self.journal.since(self.journal.checkpoint_seq()):
            self._batch = batch
            held = {order_id for row in rows for order_id in self.partition.orders_of(row.device_id)}
            held = {order_id for order_id in held if order_id in stored and stored[order_id].seq >= seq}
            observations = self._observations(rows, now_ms)
            self._put_out(self.partition.hear(observations, now_ms, held.__contains__), rows)
        known = set(self.partition.states)
        self.partition.restore(self._withdrawn(stored.keys() - {order.order_id for order in orders}, stored))
        self._put_out(self.partition.load(orders, self.now_ms()), [])
        self.versions = {order.order_id: order.version for order in orders}
        fresh = len(self.partition.states) - len(known)
        say(f"{len(orders)} orders in force or waiting ({fresh} new), {len(self.keys)} device keys")
        self.checkpoint()

    def reload_orders(self) -> None:
        """Takes over a changed orders file without losing state; a file that cannot be used leaves the old in force."""
        try:
            if self.orders.stamp() == self._orders_stamp:
                return
            orders = self._read_orders()
        except (FileUnreadable, OSError) as error:
            say(f"orders not reloaded, the ones before stay in force: {error}", trouble=True)
            return
        # What was judged by an order as it was is stored before and after it changes: a restart has its new form only.
        changed = self.partition.changed_by(orders)
        self._mark()
        with self.journal.transaction():
            self._save([order_id for order_id in changed if order_id in self.partition.dirty])
            self._store(self.partition.load(orders, self.now_ms()), [])
            self._save([order_id for order_id in changed if order_id in self.partition.dirty])
        self.versions = {order.order_id: order.version for order in orders}
        say(f"orders reloaded: {len(orders)}")

    def _read_orders(self) -> tuple[Order, ...]:
        self._orders_stamp = self.orders.stamp() if self.orders.path.exists() else None
        return tuple(order for order in self.orders.read() if self.mine(order))

    def wake_alarmed(self) -> None:
        """Wakes, once, the orders that a checkpoint left with a standing alarm, for the list of pairs at risk."""
        if self._alarmed_awake:
            return
        for order_id in self.journal.alarmed():
            if order_id in self.partition.states:
                self.partition.state_of(order_id)
        self._alarmed_awake = True

    def _sleeping(self, order: Order, stored: Stored) -> Sleeping:
        """Asleep until somebody speaks or something is due; an order that has changed since is due at once."""
        if stored.order_version == order.version:
            return Sleeping(order, stored.deadline_ms, self._wake)
        return Sleeping(order, self.now_ms(), partial(self._wake, changed=True))

    def _withdrawn(self, order_ids: Iterable[str], stored: Mapping[str, Stored]) -> Iterator[Sleeping]:
        """The orders that went while nobody judged them: what stands of theirs is ended as if they went now."""
        for order_id in sorted(order_ids):
            self.partition.dirty[order_id] = self.partition.mark
            try:
                order = states.bare_order(self.journal.state_of(order_id), order_id, stored[order_id].order_version)
            except states.CheckpointUnusable as error:
                say(f"{error}; it was withdrawn, its alarms stay open", trouble=True, order_id=order_id)
                continue
            if order is not None:
                yield Sleeping(order, None, self._wake)

    def _wake(self, order: Order, changed: bool = False) -> State:
        case = case_of(order)
        try:
            return states.thaw(self.journal.state_of(order.order_id), case, changed)
        except states.CheckpointUnusable as error:
            say(f"{error}; the order begins anew", trouble=True, order_id=order.order_id)
            return begin(case, self.now_ms())

    # ---- messages ---------------------------------------------------------------------------------------------------
    def take(self, deliveries: Iterable[Delivery]) -> None:
        """Journals and decides on a batch in one transaction, then acknowledges every message of it."""
        batch = list(deliveries)
        arrived_ms, wall_ms = self.now_ms(), self.wall_ms()
        arrivals: list[Arrival] = []
        observed: list[list[Observation]] = []
        heard: list[Observation] = []
        told: set[str] = set()
        self._mark()
        with self.journal.transaction():
            for now_ms, together in groupby(batch, lambda one: arrived_ms if one.now_ms is None else one.now_ms):
                self._batch += 1
                for delivery in together:
                    self.seen += 1
                    try:
                        message, said = self._open(delivery, now_ms)
                    except decoder.Unusable as error:
                        self.journal.set_aside(wall_ms, delivery.topic, delivery.payload, error.fault)
                        continue
                    except Exception as error:  # Ours; the broker would bring it again and again, and end us each time.
                        fault = f"our fault: {type(error).__name__}: {error}"
                        kind = type(error).__name__
                        say(f"a message on {delivery.topic[:80]} is set aside: our fault: {kind}", trouble=True)
                        self.journal.set_aside(wall_ms, delivery.topic, delivery.payload, fault)
                        continue
                    arrivals.append(Arrival(message, self._batch, now_ms))
                    observed.append(said)
            fresh = [
                pair
                for pair, new in zip(zip(arrivals, observed, strict=True), self.journal.take_in(arrivals), strict=True)
                if new
            ]
            self.repeats += len(arrivals) - len(fresh)
            for (_, now_ms), group in groupby(fresh, lambda pair: (pair[0].batch, pair[0].now_ms)):
                pairs = list(group)
                observations = [one for _, said in pairs for one in said]
                effects = self.partition.hear(observations, now_ms)
                self._store(effects, [arrival.message for arrival, _ in pairs])
                told |= {effect.order_id for effect in effects}
                heard += [one for one in observations if not self._is_swapped(one)]
            self._seq = self.journal.last_seq()
            self._save_told(told)
            self._save_some(len(batch))
        for delivery in batch:
            delivery.acknowledge()
        self._publish(heard)
        self._tell_trackers(heard, arrived_ms)

    def pass_time(self, until_ms: int | None = None) -> bool:
        """Serves what falls due by now, or by `until_ms`; stores some of what changed. True when more is due still."""
        now_ms = self.now_ms() if until_ms is None else until_ms
        due_ms = self.partition.next_deadline_ms()
        self._mark()
        if (due_ms is not None and due_ms <= now_ms) or self._ripe(1):
            with self.journal.transaction():
                effects = self.partition.advance(now_ms, STEPS_MAX)
                self._store(effects, [])
                self._save_told({effect.order_id for effect in effects})
                self._save_some(STORE_SLICE)
            due_ms = self.partition.next_deadline_ms()
        return due_ms is not None and due_ms <= now_ms

    def checkpoint(self) -> None:
        """Stores every state that changed; a restart goes on from here."""
        with self.journal.transaction():
            self._save(list(self.partition.dirty))
            self._forget()

    def _mark(self) -> None:
        """From now on what changes first is noted with this moment; all before it in the journal is in the states."""
        self.partition.mark = Mark(self._seq, self.wall_ms())

    def _ripe(self, at_most: int) -> list[str]:
        """The orders that changed so long ago that they are to be stored, the first of them."""
        wall_ms, found = self.wall_ms(), []
        for order_id, mark in islice(self.partition.dirty.items(), at_most):
            if wall_ms - mark.wall_ms < STORE_AFTER_WALL_MS and self._seq - mark.seq < STORE_AFTER_MESSAGES:
                break
            found.append(order_id)
        return found

    def _save_told(self, told: set[str]) -> None:
        """Stores the orders that told something: whoever ends their alarms after a crash must know of them.

        Within a transaction.
        """
        ours = [order_id for order_id in self.partition.dirty if order_id in told]
        if ours:
            self._save(ours)

    def _save_some(self, at_most: int) -> None:
        """Within a transaction."""
        ripe = self._ripe(max(at_most, STORE_SLICE))
        if ripe:
            self._save(ripe)
            self._forget()

    def _save(self, order_ids: Sequence[str]) -> None:
        """Stores these orders as they are now, with everything that is in the journal. Within a transaction."""
        rows, gone, partition = [], [], self.partition
        for order_id in order_ids:
            partition.dirty.pop(order_id)
            if order_id not in partition.states:
                gone.append(order_id)
                continue
            try:
                state = partition.state_of(order_id)
                version = state.case.order.version
                rows.append(StateRow(order_id, state.deadline_ms, states.freeze(state), version))
            except Exception as error:  # Its older state stays stored; the others must not lose theirs.
                kind = type(error).__name__
                say(f"state of order {order_id} not stored: {kind}", trouble=True, order_id=order_id)
        oldest: Mark | None = next(iter(partition.dirty.values()), None)
        self.journal.save_states(rows, gone, self._seq, self._seq if oldest is None else oldest.seq)

    def _forget(self) -> None:
        """Lets go of what is old, now and then. Within a transaction."""
        if self.wall_ms() - self._forgot_wall_ms >= FORGET_WALL_MS:
            self._forgot_wall_ms = self.wall_ms()
            self.journal.forget_before(self.wall_ms() - KEEP_MESSAGES_MS)

    def _open(self, delivery: Delivery, now_ms: int) -> tuple[Message, list[Observation]]:
        if delivery.topic.startswith(owntracks.TOPIC_PREFIX):
            return owntracks.open_message(delivery.topic, delivery.payload, now_ms, delivery.received_wall_ms)
        opened = decoder.open_message(delivery.topic, delivery.payload, self.keys, now_ms, delivery.received_wall_ms)
        if self.downlink is not None and opened.fields["kind"] == "status":
            self.downlink.heard(opened.message.device_id, opened.fields.get("report_interval_ms"))
        return opened.message, decoder.observations(opened.message.device_id, opened.fields, now_ms)

    def _tell_trackers(self, observations: list[Observation], now_ms: int) -> None:
        """How often to report; a fault here is told and costs no decision."""
        if self.downlink is None:
            return
        try:
            self.downlink.consider(self.partition, observations, now_ms)
        except Exception as error:
            say(f"reporting intervals not told: {type(error).__name__}", trouble=True)

    def _observations(self, rows: list[Message], now_ms: int) -> list[Observation]:
        """The observations of journalled messages, as they were when they arrived."""
        found: list[Observation] = []
        for row in rows:
            try:
                if row.source == owntracks.SOURCE:
                    found += owntracks.observations(row.device_id, json.loads(row.body), now_ms)
                else:
                    found += decoder.observations(row.device_id, messages.decode(row.body), now_ms)
            except (WireError, ValueError) as error:
                kind = type(error).__name__
                say(f"a journalled message of {row.device_id} cannot be read again: {kind}", trouble=True)
        return found

    def _is_swapped(self, one: Observation) -> bool:
        """Whether a position, which the core takes for none, looks turned round; it is set aside. In a transaction."""
        order_id = positions.swapped_for(self.partition, one)
        if order_id is not None:
            say(f"a position of {one.device_id} is set aside: {SWAPPED}", trouble=True, order_id=order_id)
            self.journal.set_aside(self.wall_ms(), f"order/{order_id}", json.dumps(one).encode(), SWAPPED)
        return order_id is not None

    def _fault(self, order_id: str, error: Exception, observations: Sequence[Observation]) -> None:
        """A decision failed, our fault: set aside with what it concerned; the partition raises the alarms."""
        what = f"decision failed for order {order_id}: {type(error).__name__}"
        say(what, trouble=True, order_id=order_id)
        fault = f"{what}: {error}"
        self.journal.set_aside(self.wall_ms(), f"order/{order_id}", json.dumps(observations).encode(), fault)

    def _put_out(self, effects: list[Transition], rows: list[Message]) -> None:
        with self.journal.transaction():
            self._store(effects, rows)

    def _store(self, effects: list[Transition], rows: list[Message]) -> None:
        """Puts transitions into the outbox with the arrival of the message that may have caused them."""
        arrived: dict[str, int] = {}
        for row in rows:
            for order_id in self.partition.orders_of(row.device_id):
                arrived[order_id] = min(row.received_wall_ms, arrived.get(order_id, row.received_wall_ms))
        for effect in effects:
            try:
                line = effect.to_line()
            except ValueError as error:  # A number that is none: the alarm goes out without its numbers.
                self._fault(effect.order_id, error, ())
                line = replace(effect, distance_m=None, probability=None, evidence={"fault": str(error)}).to_line()
            self.journal.put_out(effect.idempotency_key(), line, arrived.get(effect.order_id))

    def _publish(self, observations: list[Observation]) -> None:
        """Queues positions for the console's map; when the backend is away for long the oldest are dropped."""
        for document in positions.documents(self.partition, observations):
            while True:
                try:
                    self.positions.put_nowait(document)
                    break
                except queue.Full:
                    self.positions.get_nowait()
