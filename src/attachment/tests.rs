//! Uploads and downloads on a real folder and store.

use super::*;
use crate::store::SqliteStore;
use futures_util::stream;
use std::path::Path;
use std::time::Duration;

struct Place {
    folder: tempfile::TempDir,
    files: Attachments,
    clock: Clock,
}

async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path()).unwrap());
    let clock = Clock::default();
    let config = Config { data: folder.path().to_owned(), files_keep_free_bytes: 0, ..Config::default() };
    let files = Attachments::open(&config, store, clock.clone()).await.unwrap();
    Place { folder, files, clock }
}

impl Place {
    async fn put(&self, uploader: u32, name: &str, form: Form, bytes: &[u8]) -> std::result::Result<FileEntry, PutError> {
        let upload = Upload { uploader, name: name.into(), form, limit_bytes: 2 << 20, announced_bytes: None, ..Upload::default() };
        let parts: Vec<std::result::Result<Bytes, Error>> = bytes.chunks(70_000).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
        self.files.put_stream(upload, stream::iter(parts)).await
    }

    /// Files on disk: those with a name, those aside.
    fn on_disk(&self) -> (usize, usize) {
        let count = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
        let (mut named, mut aside) = (0, 0);
        for folder in count(&self.folder.path().join("files")) {
            if folder.ends_with("tmp") { aside += count(&folder).len() } else { named += count(&folder).len() }
        }
        (named, aside)
    }

    async fn read(&self, entry: &FileEntry, range: std::ops::Range<u64>) -> Vec<u8> {
        let mut parts = self.files.open_parts(entry, 1, range).await.unwrap();
        let mut read = Vec::new();
        while let Some(part) = parts.next().await {
            read.extend_from_slice(&part.unwrap());
        }
        read
    }
}

/// A picture of this size, as far as its head says.
pub fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend_from_slice(&width.to_be_bytes());
    bytes.extend_from_slice(&height.to_be_bytes());
    bytes.extend_from_slice(&[8, 2, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

#[tokio::test]
async fn what_was_uploaded_is_read_again_whole_and_in_parts() {
    let place = place().await;
    let bytes: Vec<u8> = (0..1_000_003u32).map(|index| (index / 5) as u8).collect();
    let entry = place.put(7, "../a.bin", Form::AsFound, &bytes).await.unwrap();
    assert!(entry.key.starts_with("file_v3_") && entry.name == "a.bin" && entry.size_bytes == 1_000_003 && entry.uploader == 7);
    assert_eq!(place.files.entry(&entry.key).await.unwrap(), Some(entry.clone()));
    assert!(place.read(&entry, 0..entry.size_bytes).await == bytes);
    assert!(place.read(&entry, 500_000..500_010).await == bytes[500_000..500_010]);
    let empty = place.put(7, "empty", Form::AsFound, b"").await.unwrap();
    assert_eq!(place.read(&empty, 0..0).await, b"");
    for foreign in ["", "file_v3_", "file_v3_../../../../etc/passwd00000000000", "img_v3_00000000000000000000000000000000"] {
        assert_eq!(place.files.entry(foreign).await.unwrap(), None);
    }
}

#[tokio::test]
async fn the_same_bytes_are_kept_once_under_two_keys() {
    let place = place().await;
    let first = place.put(1, "a", Form::AsFound, b"same").await.unwrap();
    let second = place.put(2, "b", Form::AsFound, b"same").await.unwrap();
    assert_ne!(first.key, second.key);
    assert_eq!(place.on_disk(), (1, 0));
}

#[tokio::test]
async fn a_picture_is_known_by_its_bytes_and_a_bomb_is_only_kept() {
    let place = place().await;
    let picture = place.put(1, "evil.html", Form::AsFound, &png(640, 480)).await.unwrap();
    assert!(picture.key.starts_with("img_v3_"));
    assert_eq!((picture.media_type.as_str(), picture.width, picture.height), ("image/png", Some(640), Some(480)));
    let bomb = place.put(1, "bomb.png", Form::AsFound, &png(60_000, 60_000)).await.unwrap();
    assert_eq!((bomb.media_type.as_str(), bomb.width), ("application/octet-stream", None));
    assert!(bomb.key.starts_with("file_v3_"));
    let refused = place.put(1, "bomb.png", Form::Picture, &png(60_000, 60_000)).await.unwrap_err();
    assert!(matches!(refused, PutError::Refused(error) if error.code == ErrorCode::TooLarge && error.why.contains("pixels")));
    let refused = place.put(1, "a.png", Form::Picture, b"<svg onload='alert(1)'>").await.unwrap_err();
    assert!(matches!(refused, PutError::Refused(error) if error.code == ErrorCode::InvalidValue && error.why.contains("svg")));
    let kept = place.put(1, "a.png", Form::File, &png(10, 20)).await.unwrap();
    assert!(kept.key.starts_with("file_v3_") && kept.media_type == "image/png");
    assert_eq!(place.on_disk().1, 0, "nothing of what was refused is left");
}

#[tokio::test]
async fn an_upload_that_is_too_large_or_breaks_off_leaves_nothing() {
    let place = place().await;
    let refused = place.put(1, "large", Form::AsFound, &vec![1; (2 << 20) + 1]).await.unwrap_err();
    assert!(matches!(refused, PutError::Refused(error) if error.code == ErrorCode::TooLarge));
    let upload =
        Upload { uploader: 1, name: "x".into(), form: Form::AsFound, limit_bytes: 100, announced_bytes: Some(101), ..Upload::default() };
    let never =
        stream::poll_fn(|_| -> std::task::Poll<Option<std::result::Result<Bytes, Error>>> { panic!("it is refused before it is read") });
    assert!(place.files.put_stream(upload.clone(), never).await.is_err());
    let short = Upload { announced_bytes: Some(50), ..upload.clone() };
    let parts = stream::iter([Ok::<_, Error>(Bytes::from_static(b"abc"))]);
    assert!(matches!(place.files.put_stream(short, parts).await, Err(PutError::Refused(error)) if error.code == ErrorCode::Malformed));
    let broken = stream::iter([Ok(Bytes::from(vec![1; 90])), Err(Error::busy("the connection broke"))]);
    assert!(place.files.put_stream(Upload { announced_bytes: None, ..upload.clone() }, broken).await.is_err());
    let stalled = stream::iter([Ok::<_, Error>(Bytes::from(vec![1; 90]))]).chain(stream::pending());
    assert!(
        tokio::time::timeout(Duration::from_millis(200), place.files.put_stream(Upload { announced_bytes: None, ..upload }, stalled))
            .await
            .is_err()
    );
    assert_eq!(place.on_disk(), (0, 0));
}

#[tokio::test]
async fn the_sweep_takes_only_what_is_old_and_posted_nowhere() {
    let place = place().await;
    let posted = place.put(1, "posted", Form::AsFound, b"shared bytes").await.unwrap();
    let unposted = place.put(2, "unposted", Form::AsFound, b"shared bytes").await.unwrap();
    let alone = place.put(2, "alone", Form::AsFound, b"only here").await.unwrap();
    let racing = place.put(3, "racing", Form::AsFound, b"posted in the last moment").await.unwrap();
    place.files.store.write(vec![place.files.posted(&posted.key, 5)]).await.unwrap();
    assert_eq!(place.files.chats_of(&posted.key).await.unwrap(), [5]);
    assert_eq!(place.files.sweep(Duration::ZERO).await.unwrap(), 0, "nothing is a day old");
    place.clock.turn(25 * 3_600_000);
    let young = place.put(1, "young", Form::AsFound, b"today").await.unwrap();
    let (swept, ()) = tokio::join!(place.files.sweep(Duration::from_millis(500)), async {
        while place.files.condemned.lock().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(place.files.entry(&alone.key).await.unwrap(), None, "nobody can post it any more");
        place.files.store.write(vec![place.files.posted(&racing.key, 6)]).await.unwrap();
    });
    assert_eq!(swept.unwrap(), 4);
    assert_eq!(place.files.entry(&unposted.key).await.unwrap(), None);
    assert_eq!(place.files.entry(&alone.key).await.unwrap(), None);
    for kept in [&posted, &racing, &young] {
        assert_eq!(place.files.entry(&kept.key).await.unwrap().as_ref(), Some(kept));
        assert_eq!(place.read(kept, 0..kept.size_bytes).await.len() as u64, kept.size_bytes);
    }
    assert_eq!(place.on_disk(), (3, 0));
    assert_eq!(place.files.sweep(Duration::ZERO).await.unwrap(), 1, "the one that was posted in the last moment");
    assert_eq!(place.files.sweep(Duration::ZERO).await.unwrap(), 0);
}

#[tokio::test]
async fn many_uploads_of_one_person_are_told_to_wait() {
    let place = place().await;
    let upload =
        Upload { uploader: 1, name: "x".into(), form: Form::AsFound, limit_bytes: 100, announced_bytes: None, ..Upload::default() };
    let mut running: Vec<_> = (0..limits::UPLOADS_PER_PERSON_MAX)
        .map(|_| Box::pin(place.files.put_stream(upload.clone(), stream::pending::<std::result::Result<Bytes, Error>>())))
        .collect();
    for one in &mut running {
        assert!(futures_util::poll!(one).is_pending());
    }
    let refused = place.put(1, "x", Form::AsFound, b"").await.unwrap_err();
    assert!(matches!(refused, PutError::Refused(error) if error.code == ErrorCode::Busy));
    assert!(place.put(2, "x", Form::AsFound, b"").await.is_ok());
}
