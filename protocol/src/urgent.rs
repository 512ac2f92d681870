//! Urgents: a message that is brought before people at once, again and again, until each has confirmed it.

use crate::ids::{MessageId, UrgentId, UserId};
use crate::person::Person;
use crate::record::Record;
use crate::wire::{choice, wire, words};

words! {
    /// How a step of the ladder reaches people.
    pub enum UrgentWay {
        /// The pop-up again, on every device that is connected.
        0 "remind" Remind,
        /// A notice on devices that are not connected, by the organisation's push provider.
        1 "push" Push,
        /// A text message, by the organisation's provider.
        2 "sms" Sms,
        /// A call, by the organisation's provider.
        3 "phone" Phone,
        /// The person's manager is shown the urgent, and who has not confirmed.
        4 "manager" Manager,
    }

    /// Where somebody stands with an urgent.
    pub enum UrgentStanding {
        /// No device has it.
        0 "pending" Pending,
        /// A device has it.
        1 "delivered" Delivered,
        /// It stood before the person's eyes.
        2 "shown" Shown,
        /// The person has confirmed it.
        3 "confirmed" Confirmed,
        /// It ended for this person without that: the person has left the chat or the organisation.
        4 "failed" Failed,
    }

    /// Why an urgent is over.
    pub enum UrgentOverWhy {
        /// I have confirmed it, or everybody has.
        0 "confirmed" Confirmed,
        /// Who raised it, or somebody with the right, has cancelled it.
        1 "cancelled" Cancelled,
        /// The message was recalled, or the group dissolved.
        2 "recalled" Recalled,
        /// Its deadline has passed.
        3 "expired" Expired,
        /// I have left the chat.
        4 "left" Left,
    }

    /// What became of a step of the ladder for one person.
    pub enum UrgentOutcome {
        /// Nothing yet.
        0 "waiting" Waiting,
        /// It has reached the person, or the person's manager.
        1 "reached" Reached,
        /// It was tried, and it has not.
        2 "failed" Failed,
        /// It was not done for this person.
        3 "not_done" NotDone,
    }

    /// Why a step has not reached one person.
    pub enum UrgentNotReached {
        /// The person had confirmed before.
        0 "confirmed" Confirmed,
        /// The person had left the chat or the organisation before.
        1 "left" Left,
        /// The urgent was over before.
        2 "over" Over,
        /// The quota of text messages or calls was used up.
        3 "quota" Quota,
        /// No mobile number of the person is known.
        4 "no_number" NoNumber,
        /// No manager of the person was there to be asked.
        5 "no_manager" NoManager,
        /// It waits for the end of the quiet hours.
        6 "quiet_hours" QuietHours,
        /// No device of the person has the urgent.
        7 "no_device" NoDevice,
        /// The provider will not do it.
        8 "refused" Refused,
    }

    /// Why an urgent was not raised for somebody.
    pub enum UrgentLeftOutWhy {
        /// Nobody has this id.
        0 "nobody" Nobody,
        /// Not a member of the chat.
        1 "not_a_member" NotAMember,
        /// A rule of the organisation does not allow it.
        2 "rule" Rule,
        /// The person has too many open urgents.
        3 "too_many" TooMany,
        /// The urgent had been raised before, without this person.
        4 "before" Before,
    }

    /// A list of urgents.
    pub enum UrgentList {
        /// Those that I am to confirm, the oldest first.
        0 "open" Open,
        /// Those that I have confirmed, the last first.
        1 "confirmed" Confirmed,
        /// Those that I have raised, the last first.
        2 "raised" Raised,
    }
}

choice! {
    /// Whom an urgent is for. Only members of the chat, without who raises it.
    pub enum UrgentAudience {
        /// All members.
        1 everyone Everyone(EveryMember),
        /// These.
        2 people People(UrgentPeople),
        /// Those of these departments and of all below them.
        3 departments Departments(UrgentDepartments),
        /// Those who have not read the message.
        4 unread Unread(UnreadMembers),
    }
}

wire! {
    /// All members.
    pub struct EveryMember { }

    /// These people.
    pub struct UrgentPeople {
        /// Who.
        user_ids: Vec<UserId>,
    }

    /// The people of departments.
    pub struct UrgentDepartments {
        /// Which.
        department_ids: Vec<String>,
    }

    /// Who has not read the message.
    pub struct UnreadMembers { }

    /// A step of the ladder, only for those who have not confirmed by then.
    pub struct UrgentStep {
        /// How.
        way: UrgentWay,
        /// When for the first time, ms after the raising; at least 10 s.
        after_ms: u64,
        /// Again after each so many ms, at least 10 s; missing: once. Together with `times`.
        every_ms: Option<u64>,
        /// How often in all.
        times: Option<u32>,
    }

    /// Makes a message urgent for members of its chat.
    pub struct RaiseUrgent {
        /// Which message: my own, or with the right of a manager anyone's.
        message_id: MessageId,
        /// 1 to 64 bytes, chosen anew for each urgent, and the same when it is tried again.
        client_message_id: String,
        /// For whom.
        audience: UrgentAudience,
        /// What is done for those who do not confirm, at most 32 steps; empty: nothing after the first pop-up.
        ladder: Vec<UrgentStep>,
        /// It is over after so many ms, at least a minute; missing: when everybody has confirmed, or after 30 days.
        deadline_ms: Option<u64>,
        /// Steps that cost something are not held back in quiet hours; needs the right.
        break_quiet_hours: bool,
    }

    /// Somebody for whom an urgent was not raised.
    pub struct UrgentLeftOut {
        /// Who.
        user_id: UserId,
        /// Why, in words.
        why: String,
        /// Why, for clients that have words of their own.
        reason: Option<UrgentLeftOutWhy>,
    }

    /// The urgent is durable.
    pub struct UrgentRaised {
        /// Its id.
        urgent_id: UrgentId,
        /// For how many.
        audience_count: u32,
        /// Those who were meant and are left out, the first 100.
        left_out: Vec<UrgentLeftOut>,
        /// How many in all.
        left_out_count: u32,
    }

    /// My device has these urgents, or has shown them.
    pub struct UrgentGot {
        /// Which, at most 200.
        urgent_ids: Vec<UrgentId>,
        /// They stood before my eyes, in a window that was visible.
        shown: bool,
    }

    /// I confirm an urgent. As often as wanted.
    pub struct ConfirmUrgent {
        /// Which.
        urgent_id: UrgentId,
    }

    /// Ends an urgent that I have raised, or with the right of a manager anyone's.
    pub struct CancelUrgent {
        /// Which.
        urgent_id: UrgentId,
    }

    /// Asks for a list of urgents.
    pub struct GetUrgents {
        /// Which list.
        list: UrgentList,
        /// `next` of the page before.
        page: Option<String>,
        /// At most this many, up to `limits.page`; missing: 20.
        limit: Option<u32>,
    }

    /// An urgent, as one person sees it.
    pub struct Urgent {
        /// Which.
        urgent_id: UrgentId,
        /// The message, as it stands now.
        message: Record,
        /// Name of the group; missing in a direct chat.
        chat_name: Option<String>,
        /// Who has raised it.
        raised_by: Person,
        /// When, ms since 1970.
        raised_at_ms: u64,
        /// When it is over, ms since 1970.
        deadline_at_ms: u64,
        /// How often it was shown before: 0 when it is raised, then 1, 2 …
        reminder: u32,
        /// Where I stand with it.
        standing: UrgentStanding,
        /// It comes to me as the manager of these, who have not confirmed; the first 20.
        about: Vec<Person>,
        /// How many of them in all; 0: it is for me.
        about_count: u32,
        /// It is over, and why; missing: it is not.
        over: Option<UrgentOverWhy>,
        /// Where people stand; only for who may see the report.
        counts: Option<UrgentCounts>,
        /// Who has sent the message, and whom it mentions.
        people: Vec<Person>,
    }

    /// A page of urgents.
    pub struct UrgentPage {
        /// The urgents.
        urgents: Vec<Urgent>,
        /// For the next page; missing: this was the last one.
        next: Option<String>,
        /// How many I am to confirm.
        open_count: u32,
    }

    /// Where the people of an urgent stand. They sum up to the audience.
    pub struct UrgentCounts {
        /// Which urgent.
        urgent_id: UrgentId,
        /// No device has it.
        pending: u32,
        /// A device has it.
        delivered: u32,
        /// Shown.
        shown: u32,
        /// Confirmed.
        confirmed: u32,
        /// Over without that.
        failed: u32,
        /// It is over, and why; missing: it is not.
        over: Option<UrgentOverWhy>,
    }

    /// An urgent is over for me: take it away on every device.
    pub struct UrgentOver {
        /// Which.
        urgent_id: UrgentId,
        /// Why.
        why: UrgentOverWhy,
    }

    /// Asks for the report of an urgent. For who has raised it, and the owner and the managers of the group.
    pub struct GetUrgentReport {
        /// Which.
        urgent_id: UrgentId,
    }

    /// The report.
    pub struct UrgentReport {
        /// The urgent, with its counts.
        urgent: Urgent,
        /// The ladder as it was asked for.
        ladder: Vec<UrgentStep>,
        /// What was done, the first thing first.
        timeline: Vec<UrgentDeed>,
        /// When the next step comes, ms since 1970; missing: none comes.
        next_step_at_ms: Option<u64>,
    }

    /// One thing that was done for an urgent.
    pub struct UrgentDeed {
        /// When, ms since 1970.
        at_ms: u64,
        /// By which step of the ladder; missing: it was raised, or it ended.
        way: Option<UrgentWay>,
        /// Whom it was for.
        people: u32,
        /// Of those, whom it reached; what has no outcome yet is not in it.
        reached: u32,
        /// Of those, whom it did not.
        failed: u32,
        /// It ended, and why.
        over: Option<UrgentOverWhy>,
    }

    /// Asks who stands where.
    pub struct GetUrgentPeople {
        /// Of which urgent.
        urgent_id: UrgentId,
        /// Where they stand.
        standing: UrgentStanding,
        /// `next` of the page before.
        page: Option<String>,
        /// At most this many, up to `limits.page`; missing: 100.
        limit: Option<u32>,
        /// Also when each of them went on.
        times: bool,
    }

    /// One person of a report.
    pub struct UrgentPerson {
        /// Who.
        person: Person,
        /// What was tried for this person by a provider and failed, and why it is over, in words.
        why: Option<String>,
        /// When a device had it, ms since 1970; only when `times` are asked for.
        delivered_at_ms: Option<u64>,
        /// When it was shown, the same.
        shown_at_ms: Option<u64>,
        /// When the person confirmed, the same.
        confirmed_at_ms: Option<u64>,
        /// By which way what failed was tried.
        failed_way: Option<UrgentWay>,
        /// Why it failed, or why it is over, for clients that have words of their own.
        reason: Option<UrgentNotReached>,
    }

    /// People who stand alike.
    pub struct UrgentPersonPage {
        /// The people.
        people: Vec<UrgentPerson>,
        /// How many in all.
        total: u32,
        /// For the next page; missing: this was the last one.
        next: Option<String>,
    }
    /// Asks what was done for one person. For who may see the report.
    pub struct GetUrgentPerson {
        /// Of which urgent.
        urgent_id: UrgentId,
        /// Who of its audience.
        user_id: UserId,
    }

    /// What was done for one person, and when the person went on.
    pub struct UrgentPersonReport {
        /// Who.
        person: Person,
        /// Where the person stands.
        standing: UrgentStanding,
        /// When it was raised, ms since 1970.
        raised_at_ms: u64,
        /// When a device had it, ms since 1970; missing: none has.
        delivered_at_ms: Option<u64>,
        /// When it was shown, ms since 1970.
        shown_at_ms: Option<u64>,
        /// When the person confirmed, ms since 1970.
        confirmed_at_ms: Option<u64>,
        /// When the person was no longer in the chat or the organisation, ms since 1970.
        left_at_ms: Option<u64>,
        /// It is over, and why; missing: it is not.
        over: Option<UrgentOverWhy>,
        /// Since when, ms since 1970.
        over_at_ms: Option<u64>,
        /// Each step of the ladder that has begun, the first one first; each repeat is a step.
        attempts: Vec<UrgentAttempt>,
    }

    /// One step of the ladder for one person.
    pub struct UrgentAttempt {
        /// Which one, counted from 0 with every repeat.
        step: u32,
        /// How.
        way: UrgentWay,
        /// When it began, ms since 1970.
        at_ms: u64,
        /// What became of it.
        outcome: UrgentOutcome,
        /// When that was known, ms since 1970; missing: it waits.
        outcome_at_ms: Option<u64>,
        /// Why it has not reached the person.
        why: Option<UrgentNotReached>,
        /// What the provider has said to that.
        detail: Option<String>,
        /// Of a step to the manager: who was asked.
        manager: Option<Person>,
    }
}
