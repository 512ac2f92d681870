"""An HR system keeps people and departments by the official SDK: taken in, changed, moved, let go."""

import json
import uuid

import lark_oapi as lark
import pytest
from lark_oapi.api.auth.v3 import InternalTenantAccessTokenRequest, InternalTenantAccessTokenRequestBody
from lark_oapi.api.contact.v3 import (
    BatchDepartmentRequest, CreateDepartmentRequest, CreateUserRequest, DeleteDepartmentRequest, DeleteUserRequest, DeleteUserRequestBody,
    Department, DepartmentI18nName, GetDepartmentRequest, GetUserRequest, ListScopeRequest, ParentDepartmentRequest, PatchDepartmentRequest,
    PatchUserRequest, ResurrectUserRequest, ResurrectUserRequestBody, SearchDepartmentRequest, SearchDepartmentRequestBody,
    UpdateDepartmentIdDepartmentRequest, UpdateDepartmentIdDepartmentRequestBody, UpdateDepartmentRequest, UpdateUserRequest, User, UserOrder,
)
from lark_oapi.core.model import RequestOption

from conftest import APP_1, fresh, ids_by, make_group, ok, people_of, refused, send_text


def new_department(app, name, parent="0", **fields):
    body = Department.builder().name(name).parent_department_id(parent)
    for field, value in fields.items():
        body = getattr(body, field)(value)
    request = CreateDepartmentRequest.builder().request_body(body.build())
    return app.contact.v3.department.create(request.build())


def mobile():
    return "138" + str(uuid.uuid4().int)[:8]


def body_of(department_id, **fields):
    body = User.builder().name("新同事").mobile(fields.pop("mobile", None) or mobile()).department_ids([department_id]).employee_type(1)
    for field, value in fields.items():
        body = getattr(body, field)(value)
    return body.build()


def new_person(app, department_id, token=None, **fields):
    request = CreateUserRequest.builder().user_id_type("user_id").request_body(body_of(department_id, **fields))
    if token:
        request = request.client_token(token)
    return app.contact.v3.user.create(request.build())


def seen(app, user_id):
    return ok(app.contact.v3.user.get(GetUserRequest.builder().user_id(user_id).user_id_type("user_id").build())).user


def patch(app, user_id, **fields):
    body = User.builder()
    for field, value in fields.items():
        body = getattr(body, field)(value)
    return app.contact.v3.user.patch(PatchUserRequest.builder().user_id(user_id).user_id_type("user_id").request_body(body.build()).build())


@pytest.fixture(scope="module")
def works(app):
    """A new department of this module's own."""
    return ok(new_department(app, f"Works {fresh()[:8]}")).department.open_department_id


def test_a_person_is_taken_in_once_however_often_the_call_is_tried(app, works):
    token, number = fresh(), mobile()
    first = ok(new_person(app, works, token=token, mobile=number)).user
    again = ok(new_person(app, works, token=token, mobile=number)).user
    assert first.open_id == again.open_id and len(first.user_id) == 8, "the same person, with a drawn user_id"
    assert [person.open_id for person in people_of(app, works)].count(first.open_id) == 1
    refused(new_person(app, works, mobile=number), 41001)
    refused(new_person(app, works, user_id=first.user_id), 41011)


def test_what_is_said_of_a_person_is_kept(app, people, works):
    leader = people[0]
    address = f"{fresh()}@corp.example"
    made = ok(new_person(
        app, works, user_id=f"s-{fresh()[:12]}", en_name="Xin Tongshi", nickname="Xin", email=address, gender=2, city="杭州", country="CN",
        work_station="N-34", join_time=1700000000, employee_no="A-17", job_title="技师", leader_user_id=leader.user_id, mobile_visible=False,
    )).user
    user = seen(app, made.user_id)
    assert (user.en_name, user.nickname, user.email, user.gender, user.city, user.country) == ("Xin Tongshi", "Xin", address, 2, "杭州", "CN")
    assert (user.work_station, user.join_time, user.employee_no, user.job_title) == ("N-34", 1700000000, "A-17", "技师")
    assert user.leader_user_id == leader.user_id and user.mobile_visible is False and user.employee_type == 1
    found = ok(ids_by(app, emails=[address.upper()], id_type="user_id")).user_list
    assert found[0].user_id == made.user_id
    refused(new_person(app, works, email=address), 41002)
    # PATCH keeps what is missing, PUT empties it.
    assert ok(patch(app, made.user_id, city="上海")).user.nickname == "Xin"
    whole = UpdateUserRequest.builder().user_id(made.user_id).user_id_type("user_id").request_body(body_of(works)).build()
    user = ok(app.contact.v3.user.update(whole)).user
    assert user.user_id == made.user_id and not user.nickname and not user.email and not user.leader_user_id


def test_what_cannot_be_taken_says_what_is_wrong(app, works):
    for missing in ("name", "mobile", "department_ids", "employee_type"):
        body = body_of(works)
        setattr(body, missing, None)
        refused(app.contact.v3.user.create(CreateUserRequest.builder().request_body(body).build()), 40001)
    refused(new_person(app, "od-" + "0" * 32), 40015)
    refused(new_person(app, works, employee_type=0), 41059)
    refused(new_person(app, works, gender=7), 41038)
    refused(new_person(app, works, mobile="not a number"), 40001)
    refused(new_person(app, works, avatar_key="img_v3_nobody"), 41036)
    refused(new_person(app, works, user_id="cli_0000000000000000"), 40001)
    person = ok(new_person(app, works)).user
    refused(patch(app, person.user_id, leader_user_id=person.user_id), 41030)
    refused(patch(app, person.user_id, name=""), 40001)
    refused(patch(app, "no-such-person", name="x"), 99992360, 41012)


def test_somebody_in_two_departments_has_a_main_one(app, works):
    second = ok(new_department(app, "Second", works)).department.open_department_id
    orders = [
        UserOrder.builder().department_id(works).user_order(5).department_order(1).is_primary_dept(False).build(),
        UserOrder.builder().department_id(second).user_order(7).department_order(9).is_primary_dept(True).build(),
    ]
    person = ok(new_person(app, works, department_ids=[works, second], orders=orders)).user
    user = seen(app, person.user_id)
    assert user.department_ids == [second, works], "the main one first"
    assert [(order.department_id, order.user_order, order.is_primary_dept) for order in user.orders] == [(second, 7, True), (works, 5, False)]
    orders[0].is_primary_dept = True
    refused(new_person(app, works, department_ids=[works, second], orders=orders), 41410)
    orders[0].department_id = "0"
    orders[0].is_primary_dept = False
    refused(new_person(app, works, department_ids=[works, second], orders=orders), 41025)


def test_who_leaves_is_not_found_any_more_and_can_come_back(app, works):
    person = ok(new_person(app, works)).user
    chat = make_group(app, [person.open_id])
    request = DeleteUserRequest.builder().user_id(person.user_id).user_id_type("user_id")
    wrong = DeleteUserRequestBody.builder().department_chat_acceptor_user_id("nobody-at-all").build()
    refused(app.contact.v3.user.delete(request.request_body(wrong).build()), 41052)
    ok(app.contact.v3.user.delete(request.request_body(DeleteUserRequestBody.builder().build()).build()))
    assert seen(app, person.user_id).status.is_resigned
    assert person.open_id not in [other.open_id for other in people_of(app, works)]
    refused(patch(app, person.user_id, name="x"), 42006)
    send_text(app, chat, "the group goes on")
    back = ResurrectUserRequest.builder().user_id(person.user_id).user_id_type("user_id")
    ok(app.contact.v3.user.resurrect(back.request_body(ResurrectUserRequestBody.builder().build()).build()))
    assert not seen(app, person.user_id).status.is_resigned
    assert person.open_id in [other.open_id for other in people_of(app, works)]


def test_a_department_under_its_chosen_id(app, works):
    chosen = f"D{fresh()[:10]}"
    names = DepartmentI18nName.builder().zh_cn(f"电厂{chosen}").en_us("Power").ja_jp("発電所").build()
    made = ok(new_department(app, "x", works, department_id=chosen, i18n_name=names, order="4")).department
    assert made.open_department_id.startswith("od-") and made.department_id == chosen and str(made.order) == "4"
    by_chosen = GetDepartmentRequest.builder().department_id(chosen).department_id_type("department_id").build()
    seen_so = ok(app.contact.v3.department.get(by_chosen)).department
    assert (seen_so.name, seen_so.i18n_name.en_us, seen_so.i18n_name.ja_jp) == (f"电厂{chosen}", "Power", "発電所")
    refused(app.contact.v3.department.get(GetDepartmentRequest.builder().department_id(chosen).build()), 40015)
    refused(new_department(app, "y", works, department_id=chosen), 43007)
    refused(new_department(app, "y", works, department_id="od-y"), 43008)
    refused(new_department(app, f"电厂{chosen}", works), 43022)
    body = UpdateDepartmentIdDepartmentRequestBody.builder().new_department_id(chosen + "b").build()
    renamed = UpdateDepartmentIdDepartmentRequest.builder().department_id(chosen).department_id_type("department_id").request_body(body).build()
    ok(app.contact.v3.department.update_department_id(renamed))
    both = BatchDepartmentRequest.builder().department_ids([chosen, chosen + "b"]).department_id_type("department_id").build()
    assert [entry.open_department_id for entry in ok(app.contact.v3.department.batch(both)).items] == [made.open_department_id]


def test_a_department_moves_and_is_deleted_when_it_is_empty(app, works, people):
    above = ok(new_department(app, "Above", works, leader_user_id=people[1].open_id)).department
    below = ok(new_department(app, "Below", above.open_department_id)).department
    assert above.leader_user_id == people[1].open_id and len(above.leaders) == 1
    person = ok(new_person(app, below.open_department_id)).user

    def moved(department, parent):
        body = Department.builder().parent_department_id(parent).build()
        return app.contact.v3.department.patch(PatchDepartmentRequest.builder().department_id(department).request_body(body).build())

    refused(moved(above.open_department_id, below.open_department_id), 40001)
    chain = ok(app.contact.v3.department.parent(ParentDepartmentRequest.builder().department_id(below.open_department_id).build())).items
    assert [entry.open_department_id for entry in chain] == [above.open_department_id, works]
    ok(moved(below.open_department_id, works))
    whole = Department.builder().name("Above 2").parent_department_id(works).build()
    updated = UpdateDepartmentRequest.builder().department_id(above.open_department_id).request_body(whole).build()
    assert not ok(app.contact.v3.department.update(updated)).department.leader_user_id

    def gone(department):
        return app.contact.v3.department.delete(DeleteDepartmentRequest.builder().department_id(department).build())

    refused(gone(below.open_department_id), 43011)
    refused(gone(works), 43012, 43011)
    refused(gone("0"), 40002)
    ok(patch(app, person.user_id, department_ids=[works]))
    ok(gone(below.open_department_id))
    ok(gone(above.open_department_id))
    refused(gone(above.open_department_id), 40015)


def test_departments_are_found_by_a_part_of_their_name(server, app):
    # The SDK sends this call only with a token that it is given as a person's; the server takes the app's there.
    body = InternalTenantAccessTokenRequestBody.builder().app_id(APP_1[0]).app_secret(APP_1[1]).build()
    reply = app.auth.v3.tenant_access_token.internal(InternalTenantAccessTokenRequest.builder().request_body(body).build())
    option = RequestOption.builder().user_access_token(json.loads(reply.raw.content)["tenant_access_token"]).build()
    person = lark.Client.builder().app_id(APP_1[0]).app_secret(APP_1[1]).domain(server.url).enable_set_token(True).build()
    request = SearchDepartmentRequest.builder().request_body(SearchDepartmentRequestBody.builder().query("平台").build()).build()
    assert "平台组" in [entry.name for entry in ok(person.contact.v3.department.search(request, option)).items]
    empty = SearchDepartmentRequest.builder().request_body(SearchDepartmentRequestBody.builder().query("no such department").build()).build()
    assert not ok(person.contact.v3.department.search(empty, option)).items


def test_an_app_that_sees_everybody_is_told_what_stands_at_the_top(app):
    first = ok(app.contact.v3.scope.list(ListScopeRequest.builder().page_size(2).build()))
    departments, users, data = list(first.department_ids or []), list(first.user_ids or []), first
    while data.has_more:
        data = ok(app.contact.v3.scope.list(ListScopeRequest.builder().page_size(2).page_token(data.page_token).build()))
        departments += data.department_ids or []
        users += data.user_ids or []
    assert len(departments) >= 4 and len(set(departments)) == len(departments) and len(set(users)) == len(users)
    refused(app.contact.v3.scope.list(ListScopeRequest.builder().page_size(101).build()), 40011)
    refused(app.contact.v3.scope.list(ListScopeRequest.builder().page_token("made-up").build()), 40012, 99992402)


def test_an_app_without_the_scope_changes_nobody(other_app, people):
    refused(patch(other_app, people[0].user_id, name="x"), 99991672)
    assert seen(other_app, people[0].user_id).name == people[0].name
