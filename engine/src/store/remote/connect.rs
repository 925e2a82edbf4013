//! From an address and options to an object store. Stores are kept, with their connections and credentials: the next
//! address with the same beginning and options gets the same one.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};

use super::bucket::{Bucket, Origin, trouble};
use super::profile::Profile;
use super::{RemotePath, Trouble};
use crate::store::error::{StoreError, Stored};

/// Options by name, as a person gives them.
pub(in crate::store) type Options = BTreeMap<String, String>;

/// The object that an address names: a scheme, what follows `://`, and options.
pub(in crate::store) fn connect(scheme: &str, rest: &str, options: &Options) -> Stored<RemotePath> {
    let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
    // Names and passwords are not shown; nor is what follows a question mark, which may be a signature.
    let shown = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (key, query) = match scheme {
        "http" | "https" => key.split_once('?').map_or((key, None), |(key, query)| (key, Some(query))),
        _ => (key, None),
    };
    let wrong = |what: String| StoreError::unsupported(format!("{scheme}://{shown}/{key}").as_ref(), what);
    let settings = Settings::of(scheme, options).map_err(wrong)?;
    let tidy = key.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    let parsed = match scheme {
        "http" | "https" => Key::from_url_path(&tidy),
        "memory" => Key::parse([authority, &tidy].join("/").trim_matches('/')),
        _ => Key::parse(&tidy),
    };
    let key = parsed.map_err(|error| wrong(format!("it is no address: {error}")))?;
    let bucket = match scheme {
        "memory" => memory(),
        _ if authority.is_empty() => return Err(wrong("it names no bucket".into())),
        _ => {
            let id = (format!("{scheme}://{authority}?{}", query.unwrap_or("")), settings.clone(), environment(scheme));
            let prefix = format!("{scheme}://{authority}");
            let is_encoded = matches!(scheme, "http" | "https");
            let query = query.map(str::to_owned);
            let origin = Origin { prefix, is_encoded, query, options: options.clone() };
            kept(id, || settings.bucket(scheme, authority, shown, origin))
                .map_err(|trouble| wrong(format!("there is no way to it: {}", trouble.reason)))?
        }
    };
    Ok(RemotePath::new(bucket, key))
}

/// The objects that are in this process only.
fn memory() -> Arc<Bucket> {
    static MEMORY: OnceLock<Arc<Bucket>> = OnceLock::new();
    let origin = Origin { prefix: "memory:/".to_owned(), ..Origin::default() };
    let make = move || Arc::new(Bucket::new(Arc::new(InMemory::new()), "memory:/".to_owned(), origin));
    Arc::clone(MEMORY.get_or_init(make))
}

type Id = (String, Settings, Options);

fn kept(id: Id, make: impl FnOnce() -> Result<Bucket, Trouble>) -> Result<Arc<Bucket>, Trouble> {
    static KEPT: OnceLock<Mutex<HashMap<Id, Arc<Bucket>>>> = OnceLock::new();
    let mut kept = KEPT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bucket) = kept.get(&id) {
        return Ok(Arc::clone(bucket));
    }
    let bucket = Arc::new(make()?);
    kept.insert(id, Arc::clone(&bucket));
    Ok(bucket)
}

/// What the environment says about stores of a scheme: another environment means another store.
fn environment(scheme: &str) -> Options {
    let prefixes: &[&str] = match scheme {
        "s3" | "s3a" => &["AWS_"],
        "gs" | "gcs" => &["GOOGLE_", "SERVICE_ACCOUNT"],
        "http" | "https" => &[],
        _ => &["AZURE_", "IDENTITY_"],
    };
    let all =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    all.filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix))).collect()
}

/// What is done with all builders, which have the same methods and no trait: first the options, then what stands for those
/// that nobody gave. An endpoint at `http://` is enough to say that it may be used so.
macro_rules! configured {
    ($settings:expr, $builder:expr, $keys:ident, { $endpoints:expr }) => {{
        let mut builder = $builder.with_retry($settings.retry());
        for (name, value) in &$settings.own {
            builder = builder.with_config($keys::from_str(name).map_err(|error| trouble(&error))?, value);
        }
        let endpoint = $endpoints.iter().find_map(|key| builder.get_config_value(key));
        for (key, value) in Settings::client(endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"))) {
            let untouched = ClientOptions::new().get_config_value(&key);
            if builder.get_config_value(&$keys::Client(key)) == untouched {
                builder = builder.with_config($keys::Client(key), value);
            }
        }
        builder
    }};
}

/// Options by the names that the library has for them, and those that are for us.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Settings {
    own: BTreeMap<String, String>,
    retries: Option<usize>,
    patience: Option<Duration>,
}

impl Settings {
    fn of(scheme: &str, options: &Options) -> Result<Settings, String> {
        let mut settings = Settings::default();
        for (name, value) in options {
            let name = name.to_ascii_lowercase();
            let number = || value.parse::<f64>().ok().filter(|number| (0.0..1e6).contains(number));
            match name.as_str() {
                "retries" => {
                    let number = number().ok_or_else(|| format!("the option `retries` is `{value}`, and no number"))?;
                    settings.retries = Some(number as usize);
                }
                "timeout" => {
                    let seconds = value.strip_suffix('s').unwrap_or(value).trim().parse::<f64>().ok();
                    let seconds = seconds.filter(|seconds| (0.001..1e6).contains(seconds));
                    let seconds =
                        seconds.ok_or_else(|| format!("the option `timeout` is `{value}`; `30s` would do"))?;
                    settings.patience = Some(Duration::from_secs_f64(seconds));
                }
                _ => {
                    let name = meant(scheme, &name);
                    if !is_known(scheme, name) {
                        return Err(format!(
                            "there is no option `{name}` for {scheme}://; there are {}",
                            known(scheme)
                        ));
                    }
                    let value = match value.as_str() {
                        "True" => "true".to_owned(),
                        "False" => "false".to_owned(),
                        value => value.to_owned(),
                    };
                    settings.own.insert(name.to_owned(), value);
                }
            }
        }
        Ok(settings)
    }

    fn retry(&self) -> RetryConfig {
        // What takes longer to come back is told, and not waited for.
        let max_retries = self.retries.unwrap_or(6);
        RetryConfig { max_retries, retry_timeout: Duration::from_secs(60), ..RetryConfig::default() }
    }

    /// What a connection keeps to where neither options nor the environment say anything else. Long answers may take
    /// long, as long as they go on: see [`Bucket`]'s patience.
    fn client(plain: bool) -> Vec<(ClientConfigKey, &'static str)> {
        let times = [(ClientConfigKey::Timeout, "600s"), (ClientConfigKey::ConnectTimeout, "10s")];
        times.into_iter().chain(plain.then_some((ClientConfigKey::AllowHttp, "true"))).collect()
    }

    fn bucket(&self, scheme: &str, authority: &str, shown: &str, origin: Origin) -> Result<Bucket, Trouble> {
        let name = format!("{scheme}://{shown}");
        let is_web = matches!(scheme, "http" | "https");
        let store: Arc<dyn ObjectStore> = match scheme {
            "s3" | "s3a" => Arc::new(self.amazon(authority)?),
            "gs" | "gcs" => Arc::new(self.google(authority)?),
            "http" | "https" => Arc::new(self.web(scheme, authority, origin.query.as_deref())?),
            _ => Arc::new(self.azure(scheme, authority)?),
        };
        let mut bucket = Bucket::new(store, name, origin);
        (bucket.is_listed, bucket.is_writable) = (!is_web, !is_web);
        bucket.retries = self.retries.unwrap_or(bucket.retries);
        bucket.patience = self.patience.unwrap_or(bucket.patience);
        Ok(bucket)
    }

    fn amazon(&self, bucket: &str) -> Result<impl ObjectStore + use<>, Trouble> {
        use AmazonS3ConfigKey as Asked;
        let mut builder = configured!(self, AmazonS3Builder::from_env().with_bucket_name(bucket), Asked, {
            [Asked::S3Endpoint, Asked::Endpoint]
        });
        let has = |builder: &AmazonS3Builder, keys: &[Asked]| {
            keys.iter().any(|key| builder.get_config_value(key).is_some_and(|value| !value.is_empty()))
        };
        let anonymous = builder.get_config_value(&Asked::SkipSignature).is_some_and(|value| value == "true");
        let task = [Asked::ContainerCredentialsRelativeUri, Asked::ContainerCredentialsFullUri];
        let has_keys = has(&builder, &[Asked::AccessKeyId, Asked::WebIdentityTokenFile]) || has(&builder, &task);
        let profile = Profile::current();
        if !anonymous && !has_keys {
            for (key, value) in [
                (Asked::AccessKeyId, profile.access_key_id),
                (Asked::SecretAccessKey, profile.secret_access_key),
                (Asked::Token, profile.session_token),
            ] {
                builder = value.into_iter().fold(builder, |builder, value| builder.with_config(key, value));
            }
        }
        if let Some(region) = profile.region
            && !has(&builder, &[Asked::Region, Asked::DefaultRegion])
        {
            builder = builder.with_config(Asked::Region, region);
        }
        builder.build().map_err(|error| trouble(&error))
    }

    fn google(&self, bucket: &str) -> Result<impl ObjectStore + use<>, Trouble> {
        use GoogleConfigKey as Asked;
        let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket);
        let builder = configured!(self, builder, Asked, { [Asked::BaseUrl] });
        builder.build().map_err(|error| trouble(&error))
    }

    fn azure(&self, scheme: &str, container: &str) -> Result<impl ObjectStore + use<>, Trouble> {
        use AzureConfigKey as Asked;
        let builder = match container.contains('@') {
            true => MicrosoftAzureBuilder::from_env().with_url(format!("{scheme}://{container}/")),
            false => MicrosoftAzureBuilder::from_env().with_container_name(container),
        };
        let builder = configured!(self, builder, Asked, { [Asked::Endpoint] });
        builder.build().map_err(|error| trouble(&error))
    }

    fn web(&self, scheme: &str, authority: &str, query: Option<&str>) -> Result<impl ObjectStore + use<>, Trouble> {
        let query = query.map_or(String::new(), |query| format!("?{query}"));
        let mut builder =
            HttpBuilder::new().with_url(format!("{scheme}://{authority}/{query}")).with_retry(self.retry());
        for (key, value) in Settings::client(scheme == "http") {
            builder = builder.with_config(key, value);
        }
        for (name, value) in &self.own {
            builder = builder.with_config(ClientConfigKey::from_str(name).map_err(|error| trouble(&error))?, value);
        }
        builder.build().map_err(|error| trouble(&error))
    }
}

/// The library's name of an option; fsspec's names of the most usual ones are known as well.
fn meant<'n>(scheme: &str, name: &'n str) -> &'n str {
    match (scheme, name) {
        (_, "anon" | "anonymous" | "no_sign_request") => "skip_signature",
        ("s3" | "s3a", "key" | "username") => "access_key_id",
        ("s3" | "s3a", "secret" | "password") => "secret_access_key",
        ("s3" | "s3a", "region_name") => "region",
        ("s3" | "s3a", "requester_pays") => "request_payer",
        ("gs" | "gcs", "endpoint" | "endpoint_url") => "base_url",
        ("s3" | "s3a" | "gs" | "gcs" | "http" | "https", name) => name,
        (_, "endpoint_url" | "account_url") => "endpoint",
        (_, name) => name,
    }
}

fn is_known(scheme: &str, name: &str) -> bool {
    match scheme {
        "s3" | "s3a" => AmazonS3ConfigKey::from_str(name).is_ok(),
        "gs" | "gcs" => GoogleConfigKey::from_str(name).is_ok(),
        "http" | "https" => ClientConfigKey::from_str(name).is_ok(),
        "memory" => false,
        _ => AzureConfigKey::from_str(name).is_ok(),
    }
}

/// The options that are asked for most.
fn known(scheme: &str) -> String {
    let own = match scheme {
        "s3" | "s3a" => "endpoint, region, access_key_id, secret_access_key, session_token, anonymous, ",
        "gs" | "gcs" => "endpoint, service_account, application_credentials, anonymous, ",
        "http" | "https" | "memory" => "",
        _ => "endpoint, account_name, account_key, sas_token, use_emulator, anonymous, ",
    };
    let all = match scheme {
        "memory" => "",
        _ => "allow_http, proxy_url, connect_timeout, ",
    };
    format!("{own}{all}timeout, retries")
}
