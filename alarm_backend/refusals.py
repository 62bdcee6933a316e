"""Why something is refused: a stable code for each reason, and its English sentence.

The API answers with the sentence, the code and the values. Whoever shows it to a person translates by the code: the
console does, from `console/catalogue_refusals.json`. A place is `{name}`, or `{name:group}` for a value (or a list of
them) that is a word of the catalogue's group; `{name!r}` is written with quotation marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

PLACE = re.compile(r"\{(\w+)(!r)?(?::([\w.]+))?\}")


def filled(
    sentence: str, values: Mapping[str, object], word: Callable[[str, str], str] = lambda _group, value: value
) -> str:
    """The sentence with its places filled; `word(group, value)` says a value that has a group. Raises KeyError."""

    def put(place: re.Match[str]) -> str:
        name, quoted, group = place.groups()
        value = values[name]
        if isinstance(value, (list, tuple)):
            return ", ".join(word(group, str(one)) if group else str(one) for one in value)
        return repr(value) if quoted else word(group, str(value)) if group else str(value)

    return PLACE.sub(put, sentence)


SENTENCES = {
    "sign_in_first": "sign in first",
    "other_session": "the {header} header or the {field} field does not belong to this session",
    "not_this_role": "this is not for the role {role}",
    "send_gateway_token": "send the gateway's token as Authorization: Bearer …",
    "unsigned_orders": (
        "orders that nobody signed are not taken from the gateway: draft and sign them, let an "
        "administrator import them, or start the backend with --accept-unsigned-orders"
    ),
    "wrong_name_or_password": "wrong name or password",
    "link_unusable": "this link is unknown, has been used, or is too old",
    "session_ended": "the session has ended",
    "session_idle": "the session was not used for too long",
    "account_closed": "the account is closed",
    "has_account": "this person has an account already",
    "taken": "{given!r} is taken",
    "too_short": "must have at least {length} characters",
    "too_many_sign_ins": "too many attempts to sign in: wait {seconds} s",
    "too_many_answers": "too many answers: wait {seconds} s",
    "too_many_requests": "too many requests: try again in {seconds} s",
    "no_account_made": "no account could be made for this person",
    "other_sign_in": "the answer belongs to another sign-in",
    "sign_in_too_long": "the sign-in took too long",
    "no_role": "this person has no role here",
    "no_account": "this person has no account here",
    "no_sign_in_started": "this browser started no sign-in",
    "other_provider": "the answer is of another provider",
    "code_refused": "the provider refuses this code",
    "two_people": "the provider speaks of two people",
    "no_code": "the provider gave no code",
    "provider_away": "identity provider {issuer}: {reason}",
    "as_told": "{reason}",
    "none_of": "{given!r} is none of {known}",
    "closed": "it is closed",
    "acknowledge_first": "acknowledge or take it first",
    "second_person_decides": "a second person must confirm or refuse",
    "possible_now": "possible now: {acts:act}",
    "deadline_not_passed": "the deadline has not passed",
    "taken_by_other": "{who} has it; a supervisor can take over",
    "held_by": "{who} has it",
    "within_minutes": "must lie within the next {minutes} minutes",
    "severity_needs_supervisor": "severity {severity} needs a supervisor",
    "cause_still_holds": "the cause still holds, so it is not {cause:cause}",
    "cause_holds_again": "the cause holds again, so it is not {cause:cause}",
    "second_person_confirms": "a second person must confirm",
    "policy_forbids": "the policy forbids it ({reason:policy}); a supervisor can override",
    "say_why_sent_back": "say why it goes back: its authors read it",
    "say_why_overridden": "say why the policy is overridden",
    "no_police_endpoint": "no police endpoint is configured: telephone 101",
    "take_it_off_first": "take it off {person} first",
    "not_usable": "only a usable tracker is put on somebody",
    "not_in_force": "{order} is not in force now",
    "consent_needed": "a protected person is only given a tracker with recorded consent",
    "worn_under": "{person} wears it under {order}",
    "wears_other": "{person} wears {device}: unhook it first",
    "taken_off_before": "{who} took it off before",
    "order_gives_other": "the order gives {person} {device}: change the order first",
    "order_gives_none": "the order gives {person} no tracker: change the order first",
    "no_party": "{person} is no party of {order}",
    "worn_by": "{person} wears it",
    "too_large": "has {size} bytes, {most} are allowed",
    "has_null": "has a character with code 0 in it",
    "only_in_states": "only possible in state {states:draft.state}",
    "saved_meanwhile": "{who} saved revision {revision} meanwhile, you read {read}: load it again",
    "document_fault": "{reason}",
    "cannot_be_kept": "cannot be kept: {reason}",
    "draft_under_way": "{who} has one under way",
    "four_eyes": "four eyes: somebody who did not write or submit this draft must sign it off",
    "order_changed": "the order was changed since this draft was begun: rebase it first",
    "other_content": "this version is stored with another content: raise the version",
    "person_needed": "{person} is still needed by: {by}; close the alarms and end or withdraw the orders first",
    "newer_in_force": "version {version} is in force",
    "signed_off": "version {version} was signed off: change it by a draft",
    "say_which": "say which {scope:status.scope}",
    "within_days_ahead": "must lie between now and {days} days ahead",
    "within_hours_of_start": "must lie within {hours} hours after the start",
    "waits_for_nobody": "it does not wait for a second person",
    "second_person_agrees": "a second person must agree",
    "over": "it is over",
    "names_nothing_else": "a window of the {scope:status.scope} names nothing else",
    "no_time": "{given} is no time",
    "no_day": "{given} is no day of the calendar",
    "before_first_day": "is before from_day",
    "too_many_days": "more than {most} days",
    "strips_expire": "strips expire: give the day on the box",
    "lot_recalled": "lot {lot}: {reason}",
    "lot_expired": "lot {lot} expired on {day}",
    "lot_has_not_so_many": "lot {lot} has no {number} left",
    "venue_has_not_so_many": "{venue} has no {number} of {lot}",
    "still_to_come": "{day} is still to come",
    "lot_is_there": "lot {lot} is there with other facts",
    "move_is_there": "movement {move} is there with other facts",
    "no_question": "{question} is no question for {audience}",
    "nothing_answered": "nothing is answered",
    "other_schema": "must be {schema}",
    "days_by_kind": "must be an object of days by kind",
    "days_by_alarm": "must be an object of days by kind of alarm",
    "no_days": "{given} is no number of days from 0 to {most}",
    "no_kind": "is no kind of alarm",
    "not_one_of": "is not one of {known}",
    "no_alarm": "no alarm {identity!r}",
    "no_draft": "no draft {identity!r}",
    "no_file": "no file {identity!r}",
    "no_gateway": "no gateway {identity!r}",
    "no_hook_up": "no hook-up {identity!r}",
    "no_lot": "no lot {identity!r}",
    "no_maintenance_window": "no maintenance window {identity!r}",
    "no_order": "no order {identity!r}",
    "no_order_in_force": "no order in force {identity!r}",
    "no_provider": "no provider {identity!r}",
    "no_revision_of_this_draft": "no revision of this draft {identity!r}",
    "no_step": "no step {identity!r}",
    "no_tracker": "no tracker {identity!r}",
    "no_user": "no user {identity!r}",
    "no_venue": "no venue {identity!r}",
    "no_key_to_keep": "identities cannot be kept: start the backend with --identity-key",
    "no_key_to_read": "identities cannot be read: start the backend with --identity-key",
    "other_identity_key": "{about}: the identity key is not the one it was sealed with",
    "backup_failed": "{where}: {reason}",
    "database_away": "database: {reason}",
    "store_unusable": "{url}: {reason}",
}
"""Code to English sentence."""
