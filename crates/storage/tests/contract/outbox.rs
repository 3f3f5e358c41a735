//! The built-in outbox.

use hubbub_domain::OutboxMailId;
use hubbub_domain::storage::{Outbox, OutboxMail};
use hubbub_storage::Database;

use super::fixtures::at;

fn mail(i: i64) -> OutboxMail {
    OutboxMail {
        id: OutboxMailId::new(),
        to: format!("user{i}@example.org"),
        subject: "Your code ✉".to_owned(),
        text: format!("line one\n{i}"),
        created_at: at(i),
    }
}

pub(crate) async fn the_newest_thousand_are_kept(db: Database) {
    assert_eq!(db.outbox_mails(10).await.unwrap(), []);
    let mails: Vec<_> = (0..1003).map(mail).collect();
    for mail in &mails {
        db.put_outbox_mail(mail.clone()).await.unwrap();
    }
    let newest_first: Vec<_> = mails.iter().rev().cloned().collect();
    assert_eq!(db.outbox_mails(3).await.unwrap(), newest_first[..3]);
    assert_eq!(db.outbox_mails(u32::MAX).await.unwrap(), newest_first[..1000]);
}
