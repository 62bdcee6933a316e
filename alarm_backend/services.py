"""Everything the endpoints and the console work with, wired once per process."""

from __future__ import annotations

from dataclasses import dataclass

from alarm_backend.alarms.service import AlarmService
from alarm_backend.audit.service import AuditService
from alarm_backend.auth.service import AuthService
from alarm_backend.auth.single_sign_on import SingleSignOn
from alarm_backend.clocks import Clocks
from alarm_backend.devices.service import DeviceService
from alarm_backend.drafts import what_if
from alarm_backend.drafts.service import DraftService
from alarm_backend.escalation.service import EscalationService
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.feedback.service import FeedbackService
from alarm_backend.field_tests.service import FieldTestService
from alarm_backend.field_tests.signature import DeviceKeys
from alarm_backend.heartbeats.service import HeartbeatService
from alarm_backend.instructions.service import InstructionService
from alarm_backend.maintenance.service import MaintenanceService
from alarm_backend.orders.confirmation import ConfirmationService
from alarm_backend.orders.delivery import DeliveryService
from alarm_backend.orders.service import OrderService
from alarm_backend.people.service import PeopleService
from alarm_backend.people.vault import Vault
from alarm_backend.police import courier
from alarm_backend.police.service import PoliceService
from alarm_backend.positions.service import PositionService
from alarm_backend.rejections.service import RejectionService
from alarm_backend.reports.indicators import IndicatorService
from alarm_backend.reports.service import ReportService
from alarm_backend.settings import Settings
from alarm_backend.stock.service import StockService
from alarm_backend.store.database import Database


@dataclass(frozen=True)
class Services:
    """The services of one backend process."""

    settings: Settings
    clocks: Clocks
    database: Database
    audit: AuditService
    auth: AuthService
    single_sign_on: SingleSignOn | None
    events: EventStreamService
    alarms: AlarmService
    orders: OrderService
    positions: PositionService
    heartbeats: HeartbeatService
    maintenance: MaintenanceService
    field_tests: FieldTestService
    rejections: RejectionService
    escalation: EscalationService
    people: PeopleService
    instructions: InstructionService
    police: PoliceService
    reports: ReportService
    drafts: DraftService
    delivery: DeliveryService
    confirmation: ConfirmationService
    devices: DeviceService
    stock: StockService
    feedback: FeedbackService
    indicators: IndicatorService


def build(settings: Settings, clocks: Clocks, ask_what_if: what_if.Port = what_if.no_port) -> Services:
    """Wire the services to one database. Raises StoreUnavailable when its URL cannot be used.

    `ask_what_if` runs the decision core over past positions; without it drafts have no figures and say so.
    """
    database = Database(settings.database_url)
    audit = AuditService(database, clocks)
    events = EventStreamService(database, clocks, settings.event_poll_ms, settings.event_ping_ms)
    rejections = RejectionService(database, clocks, audit, events)
    alarms = AlarmService(database=database, clocks=clocks, audit=audit, events=events, rejections=rejections)
    orders = OrderService(database, clocks, audit, events)
    positions = PositionService(database=database, clocks=clocks, audit=audit, events=events, rejections=rejections)
    devices = DeviceService(database, clocks, audit)
    stock = StockService(database, clocks, audit)
    feedback = FeedbackService(database, clocks)
    people = PeopleService(database, clocks, audit, Vault(settings.identity_key))
    police = PoliceService(
        database=database,
        clocks=clocks,
        events=events,
        alarms=alarms,
        positions=positions,
        people=people,
        settings=settings,
        post=courier.post,
    )
    maintenance = MaintenanceService(database=database, clocks=clocks, audit=audit, events=events, writer=alarms.writer)
    auth = AuthService(database, clocks, audit, settings, people.vault)
    return Services(
        settings=settings,
        clocks=clocks,
        database=database,
        audit=audit,
        auth=auth,
        single_sign_on=None if settings.oidc is None else SingleSignOn(settings.oidc, database, clocks, audit, auth),
        events=events,
        alarms=alarms,
        orders=orders,
        positions=positions,
        heartbeats=HeartbeatService(database, clocks, events, alarms, settings.heartbeat_silence_ms),
        maintenance=maintenance,
        field_tests=FieldTestService(
            database=database,
            clocks=clocks,
            audit=audit,
            events=events,
            rejections=rejections,
            keys=DeviceKeys(settings.device_keys_file),
        ),
        rejections=rejections,
        escalation=EscalationService(database=database, clocks=clocks, audit=audit, events=events, alarms=alarms),
        people=people,
        instructions=InstructionService(database=database, clocks=clocks, alarms=alarms, orders=orders, people=people),
        police=police,
        reports=ReportService(database, alarms, police, rejections, maintenance),
        drafts=DraftService(database=database, clocks=clocks, audit=audit, events=events, ask_what_if=ask_what_if),
        delivery=DeliveryService(database, clocks, audit, events),
        confirmation=ConfirmationService(database, clocks, alarms, settings.order_confirmation_ms),
        devices=devices,
        stock=stock,
        feedback=feedback,
        indicators=IndicatorService(database, clocks, devices, stock, feedback),
    )
