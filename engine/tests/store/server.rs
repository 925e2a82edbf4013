//! A server of objects on a port of this machine, which speaks what web servers and S3 have in common: objects are got,
//! in parts too, put, listed and deleted. It can be told to answer badly.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// Without what follows a question mark.
    pub path: String,
    pub query: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
    /// How often the same was asked for before.
    pub before: usize,
}

/// How a request is answered.
pub enum Answer {
    /// As it should be.
    Well,
    /// As it should be, after a while.
    Late(Duration),
    /// With a status and no more.
    Status(u16),
    /// With half of what is said to come.
    CutOff,
    /// With half of what is said to come, and nothing more for a while.
    Stalled(Duration),
    /// With the whole object where a part was asked for.
    Whole,
}

type Manners = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

pub struct Server {
    shared: Arc<Shared>,
    pub address: String,
}

struct Shared {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    parts: Mutex<HashMap<String, BTreeMap<usize, Vec<u8>>>>,
    asked: Mutex<Vec<Asked>>,
    manners: Mutex<Manners>,
    ended: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Server {
    pub fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            objects: Mutex::default(),
            parts: Mutex::default(),
            asked: Mutex::default(),
            manners: Mutex::new(Arc::new(|_| Answer::Well)),
            ended: AtomicBool::new(false),
        });
        let own = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if own.ended.load(Ordering::SeqCst) {
                    return;
                }
                let own = Arc::clone(&own);
                std::thread::spawn(move || own.serve(stream));
            }
        });
        Server { shared, address }
    }

    /// The address of an object for those who read it as from a web server.
    pub fn web(&self, key: &str) -> String {
        format!("http://{}/{key}", self.address)
    }

    /// From now on requests are answered so.
    pub fn answers(&self, manners: impl Fn(&Asked) -> Answer + Send + Sync + 'static) {
        lock(&self.shared.asked).clear();
        *lock(&self.shared.manners) = Arc::new(manners);
    }

    /// What was asked for since then.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).clone()
    }

    pub fn put(&self, key: &str, bytes: Vec<u8>) {
        lock(&self.shared.objects).insert(key.to_owned(), bytes);
    }

    pub fn keys(&self) -> Vec<String> {
        lock(&self.shared.objects).keys().cloned().collect()
    }

    /// All files of a folder, or one file, under a name.
    pub fn put_files(&self, key: &str, path: &Path) {
        if path.is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                self.put_files(&format!("{key}/{}", entry.file_name().to_string_lossy()), &entry.path());
            }
        } else {
            self.put(key, std::fs::read(path).unwrap());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.address);
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let Ok(mut out) = stream.try_clone() else { return };
        let _ = out.set_nodelay(true);
        let mut input = BufReader::new(stream);
        // A client that goes away ends its connection, and nothing else.
        while let Some(asked) = self.request(&mut input) {
            let manners = Arc::clone(&*lock(&self.manners));
            let manners = manners(&asked);
            let (status, headers, body) = match manners {
                Answer::Status(status) => (status, String::new(), b"<Error><Code>Told</Code></Error>".to_vec()),
                Answer::Whole => self.answer(&Asked { headers: HashMap::new(), ..asked.clone() }),
                _ => self.answer(&asked),
            };
            if let Answer::Late(time) = manners {
                std::thread::sleep(time);
            }
            let len = body.len();
            let head = format!("HTTP/1.1 {status} Told\r\nContent-Length: {len}\r\n{headers}\r\n");
            let body = if asked.method == "HEAD" { &[][..] } else { &body[..] };
            let half = matches!(manners, Answer::CutOff | Answer::Stalled(_));
            let body = if half { &body[..len / 2] } else { body };
            if out.write_all(head.as_bytes()).and_then(|()| out.write_all(body)).and_then(|()| out.flush()).is_err() {
                return;
            }
            if let Answer::Stalled(time) = manners {
                std::thread::sleep(time);
            }
            if half {
                let _ = out.shutdown(std::net::Shutdown::Both);
                return;
            }
        }
    }

    fn request(&self, input: &mut BufReader<TcpStream>) -> Option<Asked> {
        let mut line = String::new();
        input.read_line(&mut line).ok().filter(|&read| read > 0)?;
        let mut words = line.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (path, query) = (decoded(path), query.to_owned());
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            input.read_line(&mut line).ok().filter(|&read| read > 0)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let len = headers.get("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
        let mut body = vec![0; len];
        input.read_exact(&mut body).ok()?;
        let mut all = lock(&self.asked);
        let same = |other: &&Asked| (&other.method, &other.path, &other.query) == (&method, &path, &query);
        let before = all.iter().filter(same).count();
        let asked = Asked { method, path, query, headers, body, before };
        all.push(asked.clone());
        Some(asked)
    }

    fn answer(&self, asked: &Asked) -> (u16, String, Vec<u8>) {
        let key = asked.path.trim_start_matches('/').to_owned();
        let query: HashMap<&str, String> = asked
            .query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(k, v)| (k, decoded(v)))
            .collect();
        let empty = |status| (status, String::new(), Vec::new());
        match (asked.method.as_str(), query.get("uploadId")) {
            ("GET", _) if query.contains_key("list-type") => {
                (200, String::new(), self.listed(&key, &query).into_bytes())
            }
            ("GET" | "HEAD", _) => match lock(&self.objects).get(&key) {
                None => empty(404),
                Some(bytes) => part(bytes, asked.headers.get("range").map(String::as_str)),
            },
            ("PUT", Some(upload)) => {
                let number = query["partNumber"].parse().unwrap();
                lock(&self.parts).entry(upload.clone()).or_default().insert(number, asked.body.clone());
                (200, "ETag: \"part\"\r\n".into(), Vec::new())
            }
            ("PUT", None) => {
                lock(&self.objects).insert(key, asked.body.clone());
                (200, "ETag: \"put\"\r\n".into(), Vec::new())
            }
            ("DELETE", Some(upload)) => {
                lock(&self.parts).remove(upload);
                empty(204)
            }
            ("DELETE", None) => {
                lock(&self.objects).remove(&key);
                empty(204)
            }
            ("POST", None) if query.contains_key("uploads") => {
                let upload = format!("{key}-{}", lock(&self.parts).len());
                let told = format!(
                    "<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
                );
                (200, String::new(), told.into_bytes())
            }
            ("POST", Some(upload)) => {
                let parts = lock(&self.parts).remove(upload).unwrap_or_default();
                lock(&self.objects).insert(key, parts.into_values().flatten().collect());
                let told = "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>";
                (200, String::new(), told.into())
            }
            ("POST", None) if query.contains_key("delete") => {
                let text = String::from_utf8_lossy(&asked.body).into_owned();
                let mut told = String::new();
                for found in text.split("<Key>").skip(1) {
                    let name = found.split("</Key>").next().unwrap_or("");
                    told += &format!("<Deleted><Key>{name}</Key></Deleted>");
                    lock(&self.objects).remove(&format!("{}/{name}", key.trim_end_matches('/')));
                }
                (200, String::new(), format!("<DeleteResult>{told}</DeleteResult>").into_bytes())
            }
            _ => empty(405),
        }
    }

    fn listed(&self, bucket: &str, query: &HashMap<&str, String>) -> String {
        let bucket = format!("{}/", bucket.trim_end_matches('/'));
        let prefix = query.get("prefix").cloned().unwrap_or_default();
        let (mut contents, mut folders) = (String::new(), std::collections::BTreeSet::new());
        for (key, bytes) in lock(&self.objects).iter() {
            let Some(name) = key.strip_prefix(&bucket) else { continue };
            let Some(rest) = name.strip_prefix(&prefix) else { continue };
            match rest.split_once('/') {
                Some((folder, _)) if query.contains_key("delimiter") => {
                    folders.insert(format!("{prefix}{folder}/"));
                }
                _ => {
                    let about = "<LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>\"it\"</ETag>";
                    contents += &format!("<Contents><Key>{name}</Key>{about}<Size>{}</Size></Contents>", bytes.len());
                }
            }
        }
        let folders: String =
            folders.iter().map(|name| format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>")).collect();
        format!("<ListBucketResult><IsTruncated>false</IsTruncated>{contents}{folders}</ListBucketResult>")
    }
}

/// A part of an object, as `bytes=4-9` asks for it.
fn part(bytes: &[u8], range: Option<&str>) -> (u16, String, Vec<u8>) {
    let about = "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\nAccept-Ranges: bytes\r\n";
    let Some((from, to)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
        return (200, about.to_owned(), bytes.to_vec());
    };
    let from: usize = from.parse().unwrap();
    if from >= bytes.len() {
        return (416, String::new(), Vec::new());
    }
    let end = to.parse().map_or(bytes.len(), |last: usize| (last + 1).min(bytes.len()));
    let headers = format!("{about}Content-Range: bytes {from}-{}/{}\r\n", end - 1, bytes.len());
    (206, headers, bytes[from..end].to_vec())
}

/// `%20` is a space.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(&part.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
