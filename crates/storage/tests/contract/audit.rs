//! The audit log.

use hubbub_domain::storage::{AuditCursor, AuditFilter, AuditLog};
use hubbub_domain::{Actor, AuditAction, AuditEntry, AuditRoom, AuditUser, RoomId, UserId};
use hubbub_storage::Database;

use super::fixtures::at;

fn person(name: &str) -> AuditUser {
    AuditUser { id: UserId::new(), username: name.to_owned() }
}

async fn found(db: &Database, filter: &AuditFilter) -> Vec<AuditEntry> {
    db.audit(filter, None, 100).await.unwrap()
}

pub(crate) async fn entries_are_found_page_by_page_and_go_when_they_are_old(db: Database) {
    let (ada, bob) = (person("ada"), person("bob"));
    let room = AuditRoom { id: RoomId::new(), name: "Café Zürich".to_owned() };
    let entry = |actor: Actor, action, seconds| AuditEntry::new(actor, action, at(seconds));
    let entries = [
        entry(Actor::Server, AuditAction::AdminGranted, 0).on(ada.clone()).with_detail("the first one"),
        entry(Actor::User(ada.clone()), AuditAction::ParticipantMuted, 10).on(bob.clone()).in_room(room.clone()),
        entry(Actor::User(ada.clone()), AuditAction::RoomClosed, 10).in_room(room),
        entry(Actor::Operator, AuditAction::UserBlocked, 20).on(bob.clone()),
    ];
    assert_eq!(found(&db, &AuditFilter::default()).await, []);
    db.write_audit(&[]).await.unwrap();
    db.write_audit(&entries).await.unwrap();

    let mut newest_first = entries.to_vec();
    newest_first.sort_by_key(|entry| std::cmp::Reverse((entry.at, entry.id)));
    assert_eq!(found(&db, &AuditFilter::default()).await, newest_first);

    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = db.audit(&AuditFilter::default(), after, 1).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(AuditCursor { at: last.at, id: last.id });
        paged.extend(page);
    }
    assert_eq!(paged, newest_first, "two of the same moment are told apart");

    let blocked = AuditFilter { action: Some(AuditAction::UserBlocked), ..AuditFilter::default() };
    assert_eq!(found(&db, &blocked).await, [entries[3].clone()]);
    for (user, expected) in [(&ada, 3), (&bob, 2), (&person("nobody"), 0)] {
        let about = AuditFilter { user: Some(user.id), ..AuditFilter::default() };
        assert_eq!(found(&db, &about).await.len(), expected, "{}", user.username);
    }
    for (words, expected) in [("zurich", 2), ("BOB cafe", 1), ("first one", 1), ("%", 0), ("zurich nobody", 0)] {
        let search = AuditFilter { search: Some(words.to_owned()), ..AuditFilter::default() };
        assert_eq!(found(&db, &search).await.len(), expected, "{words}");
    }

    assert_eq!(db.delete_audit(at(10)).await.unwrap(), 1, "only what is older goes");
    assert_eq!(found(&db, &AuditFilter::default()).await.len(), 3);
}
