//! What is asked of an object store, and what is done when it does not answer well.

use std::error::Error as _;
use std::io::ErrorKind;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{Error, GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt, PutPayload};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::{Entry, Options, Trouble};

/// So many requests to one object store are under way at the same time, whoever made them.
const AT_ONCE: usize = 96;
/// So much is made room for at once, whatever an answer says of its length.
const ROOM: u64 = 64 << 20;
/// What is longer is written in parts, several at the same time.
const PART: usize = 16 << 20;
/// What is not longer is read as a whole where a server gives no parts.
const LARGEST_WHOLE: u64 = 256 << 20;
/// The reason that a server gives is shown up to so many characters.
const LONGEST_REASON: usize = 300;

/// What leads to a bucket again.
#[derive(Default)]
pub(super) struct Origin {
    /// With secrets.
    pub(super) prefix: String,
    /// Whether names are written as in addresses of the web.
    pub(super) is_encoded: bool,
    pub(super) query: Option<String>,
    pub(super) options: Options,
}

/// A bucket of an object store, a container, or a web server.
pub(super) struct Bucket {
    pub(super) store: Arc<dyn ObjectStore>,
    /// What the address of everything in it begins with: `s3://bucket`.
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) is_listed: bool,
    pub(super) is_writable: bool,
    /// How often what the library does not try again is.
    pub(super) retries: usize,
    /// How long nothing may come.
    pub(super) patience: Duration,
    room: Semaphore,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The store's own form shows the options, and so secrets.
        write!(f, "Bucket({})", self.name)
    }
}

/// What a request is answered with.
type Answer<R> = Result<R, Trouble>;

impl Bucket {
    pub(super) fn new(store: Arc<dyn ObjectStore>, name: String, origin: Origin) -> Bucket {
        let (retries, patience) = (4, Duration::from_secs(30));
        let room = Semaphore::new(AT_ONCE);
        Bucket { store, name, origin, is_listed: true, is_writable: true, retries, patience, room }
    }

    /// Makes a request, and makes it again while that may help.
    async fn tried<R, F: Future<Output = Answer<R>>>(&self, request: impl Fn() -> F) -> Answer<R> {
        let _room = self.room.acquire().await;
        let mut tried = 0;
        loop {
            match request().await {
                Err(trouble) if trouble.passing && tried < self.retries => {
                    sleep(Duration::from_millis(100 << tried.min(6))).await;
                    tried += 1;
                }
                Err(mut trouble) if tried > 0 => {
                    trouble.reason = format!("{} (after {} requests)", trouble.reason, tried + 1);
                    return Err(trouble);
                }
                answer => return answer,
            }
        }
    }

    /// Waits for what is asked of the store, but not for ever. The library has retries of its own for what servers say.
    async fn answered<R>(&self, request: impl Future<Output = Result<R, Error>>) -> Answer<R> {
        let most = self.patience * 3;
        match timeout(most, request).await {
            Ok(answer) => answer.map_err(|error| trouble(&error)),
            Err(_) => {
                Err(Trouble::passing(ErrorKind::TimedOut, format!("there was no answer in {} s", most.as_secs_f32())))
            }
        }
    }

    /// An object, or a part of it.
    pub(super) async fn get(self: Arc<Self>, key: Key, range: Option<Range<u64>>) -> Answer<Option<Vec<u8>>> {
        self.tried(|| self.get_once(&key, range.clone())).await
    }

    async fn get_once(&self, key: &Key, range: Option<Range<u64>>) -> Answer<Option<Vec<u8>>> {
        let options = GetOptions::new().with_range(range.map(GetRange::Bounded));
        match there(self.answered(self.store.get_opts(key, options)).await)? {
            Some(found) => self.body(found).await.map(Some),
            None => Ok(None),
        }
    }

    async fn body(&self, found: GetResult) -> Answer<Vec<u8>> {
        let len = found.range.end.saturating_sub(found.range.start);
        let cut_off = |has: usize| {
            let what = format!("the answer ended after {has} of {len} bytes");
            Trouble::passing(ErrorKind::UnexpectedEof, what)
        };
        let mut bytes = Vec::with_capacity(len.min(ROOM) as usize);
        let mut stream = found.into_stream();
        loop {
            match timeout(self.patience, stream.next()).await {
                Ok(Some(Ok(part))) => bytes.extend_from_slice(&part),
                Ok(None) if bytes.len() as u64 == len => return Ok(bytes),
                Ok(None) => return Err(cut_off(bytes.len())),
                Ok(Some(Err(error))) => {
                    let mut cut = cut_off(bytes.len());
                    cut.reason = format!("{}: {}", cut.reason, trouble(&error).reason);
                    return Err(cut);
                }
                Err(_) => {
                    let (has, waited) = (bytes.len(), self.patience.as_secs_f32());
                    let what = format!("nothing came for {waited} s after {has} of {len} bytes");
                    return Err(Trouble::passing(ErrorKind::TimedOut, what));
                }
            }
        }
    }

    /// The length of an object.
    pub(super) async fn len(self: Arc<Self>, key: Key) -> Answer<Option<u64>> {
        self.tried(|| self.len_once(&key)).await
    }

    async fn len_once(&self, key: &Key) -> Answer<Option<u64>> {
        Ok(there(self.answered(self.store.head(key)).await)?.map(|about| about.size))
    }

    /// The first bytes of an object, and its length.
    pub(super) async fn begin(self: Arc<Self>, key: Key, most: u64) -> Answer<Option<(Vec<u8>, u64)>> {
        self.tried(|| self.begin_once(&key, most)).await
    }

    async fn begin_once(&self, key: &Key, most: u64) -> Answer<Option<(Vec<u8>, u64)>> {
        let options = GetOptions::new().with_range(Some(0..most));
        match there(self.answered(self.store.get_opts(key, options)).await) {
            Ok(None) => Ok(None),
            Ok(Some(found)) => {
                let len = found.meta.size;
                Ok(Some((self.body(found).await?, len)))
            }
            // An empty object has no part that could be asked for; and there are web servers that give no parts.
            Err(trouble) => match self.len_once(key).await? {
                Some(0) => Ok(Some((Vec::new(), 0))),
                Some(len) if trouble.kind == ErrorKind::Unsupported && len <= LARGEST_WHOLE => {
                    Ok(self.get_once(key, None).await?.map(|bytes| (bytes, len)))
                }
                _ => Err(trouble),
            },
        }
    }

    pub(super) async fn put(self: Arc<Self>, key: Key, bytes: Vec<u8>) -> Answer<()> {
        let payload = PutPayload::from(bytes);
        self.tried(|| self.put_once(&key, payload.clone())).await
    }

    async fn put_once(&self, key: &Key, payload: PutPayload) -> Answer<()> {
        if payload.content_length() <= PART {
            return self.answered(self.store.put(key, payload)).await.map(drop);
        }
        let mut upload = self.answered(self.store.put_multipart(key)).await?;
        let whole = payload.as_ref().first().cloned().unwrap_or_default();
        let parts = (0..whole.len()).step_by(PART).map(|at| whole.slice(at..whole.len().min(at + PART)));
        let sent: Vec<_> = parts.map(|part| upload.put_part(part.into())).collect();
        let sent = stream::iter(sent).buffer_unordered(4).try_collect::<Vec<()>>().await;
        let done = match sent {
            Ok(_) => self.answered(upload.complete()).await.map(drop),
            Err(error) => Err(trouble(&error)),
        };
        if done.is_err() {
            // The parts stay where they are when this fails too; they are no object.
            let _ = timeout(self.patience, upload.abort()).await;
        }
        done
    }

    pub(super) async fn remove(self: Arc<Self>, key: Key) -> Answer<()> {
        self.tried(|| self.remove_once(&key)).await
    }

    async fn remove_once(&self, key: &Key) -> Answer<()> {
        there(self.answered(self.store.delete(key)).await).map(drop)
    }

    /// Removes all objects whose names begin with a folder's.
    pub(super) async fn remove_below(self: Arc<Self>, key: Key) -> Answer<()> {
        self.tried(|| self.remove_below_once(&key)).await
    }

    async fn remove_below_once(&self, key: &Key) -> Answer<()> {
        let found = self.store.list(Some(key)).map_ok(|about| about.location).boxed();
        let mut removed = self.store.delete_stream(found);
        loop {
            match timeout(self.patience * 3, removed.next()).await {
                Ok(None) => return Ok(()),
                Ok(Some(Ok(_) | Err(Error::NotFound { .. }))) => {}
                Ok(Some(Err(error))) => return Err(trouble(&error)),
                Err(_) => return Err(Trouble::passing(ErrorKind::TimedOut, "there was no answer")),
            }
        }
    }

    /// What is in a folder.
    pub(super) async fn entries(self: Arc<Self>, key: Key) -> Answer<Option<Vec<Entry>>> {
        self.tried(|| self.entries_once(&key)).await
    }

    async fn entries_once(&self, key: &Key) -> Answer<Option<Vec<Entry>>> {
        let found = self.answered(self.store.list_with_delimiter(Some(key))).await?;
        let name = |path: &Key| path.filename().map(str::to_owned);
        let folders = found.common_prefixes.iter().filter_map(name).map(|name| Entry { name, folder: true });
        let objects = found.objects.iter().filter_map(|about| name(&about.location));
        let objects = objects.map(|name| Entry { name, folder: false });
        let entries: Vec<Entry> = folders.chain(objects).collect();
        Ok((!entries.is_empty()).then_some(entries))
    }
}

/// What is not there is no error.
fn there<R>(answer: Answer<R>) -> Answer<Option<R>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(trouble) if trouble.kind == ErrorKind::NotFound => Ok(None),
        Err(trouble) => Err(trouble),
    }
}

/// What the library says, in a sentence.
pub(super) fn trouble(error: &Error) -> Trouble {
    let (told, all) = told(error);
    let said = |text: &str| all.contains(text);
    if said("169.254.169.254") || said("instance metadata") || said("metadata.google.internal") {
        let what = "no credentials were found, neither in the options nor in the environment; where none are needed, the \
                    option `anonymous` says so";
        return Trouble::new(ErrorKind::PermissionDenied, what);
    }
    if ["NoSuchBucket", "ContainerNotFound", "specified bucket does not exist"].into_iter().any(said) {
        return Trouble::new(ErrorKind::Other, "there is no such bucket");
    }
    if said("non-partial response") || said("Range request not supported") {
        return Trouble::new(ErrorKind::Unsupported, "the server gives whole files only, and a part is needed");
    }
    match error {
        Error::NotFound { .. } => Trouble::new(ErrorKind::NotFound, "nothing is stored under this name"),
        Error::PermissionDenied { .. } => Trouble::new(ErrorKind::PermissionDenied, format!("it is forbidden: {told}")),
        Error::Unauthenticated { .. } => {
            Trouble::new(ErrorKind::PermissionDenied, format!("the credentials are not accepted: {told}"))
        }
        // Not all requests are told apart by the library.
        _ if said("status code: 403") => Trouble::new(ErrorKind::PermissionDenied, format!("it is forbidden: {told}")),
        _ => Trouble::new(if said("timed out") { ErrorKind::TimedOut } else { ErrorKind::Other }, told),
    }
}

/// The innermost causes of an error, which the outer ones repeat with what is known already; and all of them.
fn told(error: &Error) -> (String, String) {
    let mut causes = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let all = causes.join("; ");
    // From inside out: what adds nothing to what is said is left out.
    let innermost = causes.pop().unwrap_or_default();
    let outer = causes.into_iter().rev().find(|cause| !cause.contains(&innermost) && !cause.contains("://"));
    let text = match outer {
        Some(outer) => format!("{outer}: {innermost}"),
        None => innermost,
    };
    let text = spoken(&text).split_whitespace().collect::<Vec<_>>().join(" ");
    let short = match text.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    (short, all)
}

/// What a server said in XML, without the XML.
fn spoken(text: &str) -> String {
    let Some((before, xml)) = text.split_once('<') else { return text.to_owned() };
    let of = |tag: &str| Some(xml.split_once(&format!("<{tag}>"))?.1.split_once("</")?.0);
    match (of("Code"), of("Message")) {
        (Some(code), Some(message)) => format!("{before}{code}: {message}"),
        (Some(one), None) | (None, Some(one)) => format!("{before}{one}"),
        (None, None) => before.trim_end_matches([':', ' ']).to_owned(),
    }
}
