"""A business system brings a message before people until each has confirmed it: by the SDK's own calls, and with a ladder by raw requests."""

import pytest
from lark_oapi import HttpMethod
from lark_oapi.api.im.v1 import (
    DeleteMessageRequest, UrgentAppMessageRequest, UrgentPhoneMessageRequest, UrgentReceivers, UrgentSmsMessageRequest,
)

from conftest import APP_1, fresh, make_group, ok, refused, send_text
from test_group_settings import data_of, raw
from test_people_and_bots import Person

OWN = "/open-apis/clarion/v1/urgents"


@pytest.fixture
def person(server, people):
    someone = Person(server, people[0].email)
    yield someone
    someone.close()


@pytest.fixture
def group(app, people):
    return make_group(app, [person.open_id for person in people[:3]])


def urge(app, message_id, ids, way="app", id_type="open_id"):
    request = {"app": UrgentAppMessageRequest, "sms": UrgentSmsMessageRequest, "phone": UrgentPhoneMessageRequest}[way]
    who = UrgentReceivers.builder().user_id_list(ids).build()
    act = getattr(app.im.v1.message, f"urgent_{way}")
    return act(request.builder().message_id(message_id).user_id_type(id_type).request_body(who).build())


def confirm(person, message_id):
    """Confirms the urgent of this message, once it stands before the person."""
    urgent = person.wait_for(lambda event: event["event"] == "urgent" and event["body"]["message"]["change"]["message"]["message_id"] == message_id)
    person.ask("urgent_got", {"urgent_ids": [urgent["urgent_id"]], "shown": True})
    person.ask("confirm_urgent", {"urgent_id": urgent["urgent_id"]})
    return urgent["urgent_id"]


def test_a_message_is_urgent_until_it_is_confirmed(app, group, people, person):
    message = send_text(app, group, "Close valve 7 now").message_id
    data = ok(urge(app, message, [people[0].open_id, people[5].open_id, people[1].open_id]))
    assert data.invalid_user_id_list == [people[5].open_id], "who is no member is told, and the rest is urged"
    urgent_id = confirm(person, message)
    told = data_of(raw(app, HttpMethod.GET, f"{OWN}/{urgent_id}"))
    assert (told["message_id"], told["state"], told["raised_by_id"]) == (message, "open", APP_1[0])
    assert told["counts"] == {"audience": 2, "pending": 1, "delivered": 0, "shown": 0, "confirmed": 1, "failed": 0}


def test_people_are_named_in_every_form(app, group, people):
    message = send_text(app, group, "all forms").message_id
    for id_type in ("open_id", "union_id", "user_id"):
        ids = [getattr(person, id_type) for person in people[:2]]
        assert ok(urge(app, message, ids, id_type=id_type)).invalid_user_id_list == []


def test_what_cannot_be_urgent_is_refused(app, other_app, group, people):
    message = send_text(app, group, "mine").message_id
    everybody = [person.open_id for person in people[:3]]
    refused(urge(app, message, [people[7].open_id, "ou_nobody"]), 230001)
    refused(urge(app, message, []), 99992402)
    refused(urge(other_app, message, everybody), 230002)
    for way in ("sms", "phone"):
        response = urge(app, message, everybody, way)
        refused(response, 230052)
        assert "the operator sets" in response.msg
    ok(app.im.v1.message.delete(DeleteMessageRequest.builder().message_id(message).build()))
    refused(urge(app, message, everybody), 230110)


def test_a_ladder_a_report_and_an_end(app, other_app, group, people, person):
    message = send_text(app, group, "Close valve 7 now").message_id
    body = {
        "message_id": message, "audience": {"everyone": True}, "uuid": fresh(), "deadline_ms": 3_600_000,
        "ladder": [{"way": "remind", "after_ms": 600_000, "every_ms": 600_000, "times": 3}, {"way": "manager", "after_ms": 1_800_000}],
    }
    raised = data_of(raw(app, HttpMethod.POST, OWN, body))
    assert (raised["audience_count"], raised["left_out"], raised["left_out_count"]) == (3, [], 0)
    assert data_of(raw(app, HttpMethod.POST, OWN, body))["urgent_id"] == raised["urgent_id"], "again it is the same one"
    path = f"{OWN}/{raised['urgent_id']}"
    report = data_of(raw(app, HttpMethod.GET, path))
    assert report["ladder"] == body["ladder"]
    assert int(report["next_step_time"]) - int(report["create_time"]) == 600_000
    assert confirm(person, message) == raised["urgent_id"]

    def standing(place, size):
        found, token = [], {}
        while True:
            page = data_of(raw(app, HttpMethod.GET, f"{path}/people", standing=place, page_size=str(size), user_id_type="user_id", **token))
            found += [one["user_id"] for one in page["items"]]
            if not page["has_more"]:
                assert page["total"] == len(found)
                return found
            token = {"page_token": page["page_token"]}

    times = ("delivered_time", "shown_time", "confirmed_time")
    of_person = data_of(raw(app, HttpMethod.GET, f"{path}/people/{people[0].user_id}", user_id_type="user_id"))
    assert (of_person["standing"], of_person["create_time"], of_person["attempts"]) == ("confirmed", report["create_time"], [])
    listed = data_of(raw(app, HttpMethod.GET, f"{path}/people", standing="confirmed", with_times="true"))["items"]
    assert [one[time] for one in listed for time in times] == [of_person[time] for time in times]
    refused(raw(app, HttpMethod.GET, f"{path}/people/{people[8].user_id}", user_id_type="user_id"), 230001)

    assert standing("confirmed", 1) == [people[0].user_id]
    assert sorted(standing("pending", 1)) == sorted(person.user_id for person in people[1:3])
    assert raised["urgent_id"] in [urgent["urgent_id"] for urgent in data_of(raw(app, HttpMethod.GET, OWN, page_size="50"))["items"]]
    assert data_of(raw(app, HttpMethod.POST, f"{path}/cancel"))["state"] == "cancelled"
    assert data_of(raw(app, HttpMethod.GET, path))["state"] == "cancelled"


def test_some_of_a_group_and_who_is_left_out(app, group, people):
    message = send_text(app, group, "some of you").message_id
    audience = {"user_ids": [people[0].user_id, people[9].user_id, "nobody"], "department_ids": people[1].department_ids[:1]}
    raised = data_of(raw(app, HttpMethod.POST, OWN, {"message_id": message, "audience": audience}, user_id_type="user_id"))
    whys = {one["user_id"]: one["why"] for one in raised["left_out"]}
    assert whys["nobody"] == "nobody has this id" and whys[people[9].user_id] == "not a member of the chat"
    assert raised["left_out_count"] == len(whys)
    unread = data_of(raw(app, HttpMethod.POST, OWN, {"message_id": message, "audience": {"unread": True}}))
    assert unread["audience_count"] == 3


def test_an_urgent_that_cannot_be_is_refused(app, other_app, group):
    message = send_text(app, group, "mine").message_id
    for wrong in ({}, {"message_id": message}, {"message_id": message, "audience": {"everyone": True, "unread": True}},
                  {"message_id": message, "audience": {"everyone": True}, "ladder": [{"way": "remind", "after_ms": 1}]}):
        refused(raw(app, HttpMethod.POST, OWN, wrong), 99992402)
    refused(raw(other_app, HttpMethod.POST, OWN, {"message_id": message, "audience": {"everyone": True}}), 230002)
    urgent = data_of(raw(app, HttpMethod.POST, OWN, {"message_id": message, "audience": {"everyone": True}}))["urgent_id"]
    refused(raw(other_app, HttpMethod.GET, f"{OWN}/{urgent}"), 230001)
    refused(raw(other_app, HttpMethod.POST, f"{OWN}/{urgent}/cancel"), 230001)
    refused(raw(app, HttpMethod.GET, f"{OWN}/{urgent}/people"), 99992402)
    refused(raw(app, HttpMethod.GET, OWN, page_token="made-up"), 99992402)
