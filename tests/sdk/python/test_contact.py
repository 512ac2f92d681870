"""A business system finds people and departments, by all the ids that it may know."""

import json

from lark_oapi import AccessTokenType, BaseRequest, HttpMethod
from lark_oapi.api.contact.v3 import (
    BasicBatchUserRequest, BasicBatchUserRequestBody, BatchUserRequest, ChildrenDepartmentRequest, FindByDepartmentUserRequest, GetUserRequest,
    ListDepartmentRequest, ListUserRequest,
)

from conftest import departments, ids_by, ok, pages, people_of, refused

NO_DEPARTMENT = "od-" + "0" * 32


def get_user(app, user_id, id_type):
    return app.contact.v3.user.get(GetUserRequest.builder().user_id(user_id).user_id_type(id_type).build())


def test_the_organisation_is_a_tree_that_can_be_walked(app):
    all_of_it = departments(app)
    ids = [department.open_department_id for department in all_of_it]
    assert len(ids) >= 5 and len(set(ids)) == len(ids)
    assert all(department.name and department.parent_department_id for department in all_of_it)
    top = departments(app, deep=False)
    walked, queue = [], [department.open_department_id for department in top]
    while queue:
        current = queue.pop()
        walked.append(current)
        queue += [child.open_department_id for child in departments(app, parent=current, deep=False)]
    assert sorted(walked) == sorted(ids), "fetch_child gives the same tree as a walk level by level"
    assert len(top) < len(ids), "the tree has more than one level"


def test_small_pages_give_the_same_as_large_ones(app):
    large = [department.open_department_id for department in departments(app, size=50)]
    small = [department.open_department_id for department in departments(app, size=2)]
    assert small == large


def test_everyone_is_found_department_by_department(app, people):
    assert len(people) >= 60
    assert len({person.user_id for person in people}) == len(people)
    assert len({person.union_id for person in people}) == len(people)
    for person in people:
        assert person.open_id.startswith("ou_") and person.union_id.startswith("on_") and person.user_id and person.name
        assert person.email and person.mobile and person.department_ids
    names = [person.name for person in people]
    assert len(set(names)) < len(names), "people who share a name are told apart by id"
    assert any(name[0] in "单曾重" for name in names)
    assert any(name.isascii() for name in names)


def test_pages_of_people_neither_double_nor_lose(app):
    department = max(departments(app), key=lambda candidate: len(people_of(app, candidate.open_department_id)))
    large = [person.open_id for person in people_of(app, department.open_department_id, size=50)]
    small = [person.open_id for person in people_of(app, department.open_department_id, size=3)]
    assert small == large and len(set(small)) == len(small) and len(small) > 3


def test_one_person_under_three_ids_is_one_person(app, people):
    person = people[7]
    for id_type in ("open_id", "union_id", "user_id"):
        found = ok(get_user(app, getattr(person, id_type), id_type)).user
        assert (found.open_id, found.union_id, found.user_id, found.name) == (person.open_id, person.union_id, person.user_id, person.name)
        assert found.avatar is not None and found.status is not None and not found.status.is_frozen


def test_an_unknown_id_is_refused_by_its_kind(app):
    refused(get_user(app, "ou_" + "0" * 32, "open_id"), 99992351)
    refused(get_user(app, "on_" + "0" * 32, "union_id"), 99992364, 99992363)
    refused(get_user(app, "no-such-person", "user_id"), 99992360, 41012)
    refused(get_user(app, "ou_" + "0" * 32, "shoe_size"), 99992402, 40001, 9499)


def test_an_open_id_belongs_to_one_app(app, other_app, people, people_of_other_app):
    person = people[3]
    other = people_of_other_app[person.user_id]
    assert other.open_id != person.open_id and other.union_id == person.union_id
    refused(get_user(app, other.open_id, "open_id"), 99992361)
    refused(get_user(other_app, person.open_id, "open_id"), 99992361)


def test_mail_and_mobile_lead_to_people(app, people):
    one, two = people[1], people[2]
    for id_type in ("open_id", "union_id", "user_id"):
        data = ok(ids_by(app, emails=[one.email, "nobody@example.invalid"], mobiles=[two.mobile], id_type=id_type))
        assert len(data.user_list) == 3, "one entry for each thing asked"
        by_mail = {entry.email: entry for entry in data.user_list if entry.email}
        by_mobile = {entry.mobile: entry for entry in data.user_list if entry.mobile}
        assert by_mail[one.email].user_id == getattr(one, id_type)
        assert not by_mail["nobody@example.invalid"].user_id
        assert by_mobile[two.mobile].user_id == getattr(two, id_type)


def test_too_many_at_once_and_nothing_at_all_are_refused(app):
    many = ids_by(app, emails=[f"n{number}@example.invalid" for number in range(501)])
    assert many.code != 0 and many.raw.status_code == 400
    request = FindByDepartmentUserRequest.builder().department_id("0").page_size(501).build()
    refused(app.contact.v3.user.find_by_department(request), 40011, 99992402)


def test_a_page_token_that_was_never_given_out_is_refused(app):
    request = FindByDepartmentUserRequest.builder().department_id("0").page_token("made-up").build()
    refused(app.contact.v3.user.find_by_department(request), 40012, 99992402)


def test_a_department_that_is_not_there_is_refused(app):
    request = ChildrenDepartmentRequest.builder().department_id("od-" + "0" * 32).build()
    refused(app.contact.v3.department.children(request), 40015, 40008, 40001)
    request = FindByDepartmentUserRequest.builder().department_id("od-" + "0" * 32).build()
    refused(app.contact.v3.user.find_by_department(request), 40015, 40008, 40001)


def test_the_older_lists_give_the_same_as_the_newer_ones(app):
    def older_people(size, token):
        request = ListUserRequest.builder().department_id(department).user_id_type("open_id").page_size(size)
        return (request.page_token(token) if token else request).build()

    def older_departments(size, token):
        request = ListDepartmentRequest.builder().parent_department_id("0").fetch_child(True).page_size(size)
        return (request.page_token(token) if token else request).build()

    tree = departments(app)
    department = tree[0].open_department_id
    assert [one.open_department_id for one in pages(app.contact.v3.department.list, older_departments, 3)] == [one.open_department_id for one in tree]
    assert [one.open_id for one in pages(app.contact.v3.user.list, older_people, 2)] == [one.open_id for one in people_of(app, department)]
    refused(app.contact.v3.user.list(ListUserRequest.builder().department_id(NO_DEPARTMENT).build()), 40015)
    refused(app.contact.v3.department.list(ListDepartmentRequest.builder().parent_department_id(NO_DEPARTMENT).build()), 40015)


def test_many_people_come_in_one_call_and_nobody_is_left_out_of_it(app, people):
    three = [person.open_id for person in people[:3]]
    request = BatchUserRequest.builder().user_id_type("open_id").user_ids([*three, "ou_" + "0" * 32])
    assert sorted(person.open_id for person in ok(app.contact.v3.user.batch(request.build())).items) == sorted(three)
    refused(app.contact.v3.user.batch(BatchUserRequest.builder().user_id_type("shoe_size").user_ids(three).build()), 40001)

    def names(ids):
        body = BasicBatchUserRequestBody.builder().user_ids(ids).build()
        return app.contact.v3.user.basic_batch(BasicBatchUserRequest.builder().user_id_type("open_id").request_body(body).build())

    found = {person.user_id: person.name for person in ok(names(three)).users}
    assert found == {person.open_id: person.name for person in people[:3]}
    refused(names([f"ou_{number}" for number in range(501)]), 99992402)


def test_people_are_searched_for_by_name_and_staff_number(app, people):
    def search(**queries):
        request = BaseRequest.builder().http_method(HttpMethod.GET).uri("/open-apis/search/v1/user").token_types({AccessTokenType.TENANT})
        return app.request(request.queries(list(queries.items())).build())

    for query in (people[5].name, people[5].user_id):
        response = search(query=query, page_size="200")
        assert response.code == 0
        assert people[5].open_id in [person["open_id"] for person in json.loads(response.raw.content)["data"]["users"]], query
    refused(search(query=people[5].name, page_token="made-up"), 99992402)
