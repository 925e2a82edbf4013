//! Arrays in object stores: in memory, and on a server of this machine that speaks like S3 and like a web server.

#[path = "store/server.rs"]
mod server;
mod store;

use server::{Answer, Server};
use store::{Formula, Tested, check, data, failing, values, values_of};
use taskloom::array::store::{
    Compression, Layout, Location, ZarrOptions, create_zarr, hdf5_arrays, hdf5_attributes, zarr_arrays,
    zarr_attributes, zarr_info,
};
use taskloom::ndarray::{ArrayD, IxDyn};
use taskloom::prelude::*;

/// An address on the server that speaks like S3.
fn bucket(server: &Server, path: &str) -> Location {
    Location::new(format!("s3://bucket/{path}"))
        .options([("endpoint", format!("http://{}", server.address)), ("region", "us-east-1".into())])
        .options([("key", "user"), ("secret", "pass")])
}

fn of_values() -> Array<f64> {
    Array::from_ndarray(values::<f64>(), (2, 3))
}

/// Stores, reads, replaces and writes parts, wherever that is.
fn round(at: impl Fn(&str) -> Location) -> Tested {
    for (version, compression) in [(2, Compression::Zstd(1)), (3, Compression::None), (3, Compression::Blosc(1))] {
        let name = format!("of {version}/{compression:?}.zarr");
        let options = ZarrOptions::new().version(version).compression(compression).dimension_names(["lat", "lon"]);
        of_values().to_zarr(at(&name), &options.clone().attribute("units", "K"))?;
        check::<f64>(Array::open_zarr(at(&name)));
        check::<f64>(Array::open_zarr_array(at(&name), "", 2));
        let info = zarr_info(at(&name), "")?;
        assert_eq!((info.shape, info.chunks), (vec![5, 7], Some(vec![2, 3])));
        assert_eq!(info.attributes["units"], "K");
        let error = of_values().to_zarr(at(&name), &options).unwrap_err().to_string();
        assert!(error.contains("holds an array already") && error.contains(&name), "{error}");
        let longer = Array::<f64>::ones((9, 7), (1, 7));
        longer.to_zarr(at(&name), &options.clone().overwrite(true))?;
        assert_eq!(Array::<f64>::open_zarr(at(&name))?.sum().item()?, 63.0);
    }
    let name = "parts.zarr";
    create_zarr::<f64>(at(name), (6, 8), &ZarrOptions::new().chunks([4, 4]).fill_value(0.5))?;
    Array::<f64>::ones((3, 5), 2).to_zarr_region(at(name), &[2, 1])?;
    assert_eq!(Array::<f64>::open_zarr(at(name))?.sum().item()?, 15.0 + 33.0 * 0.5);
    for name in ["b", "deep/er/a", "deep/c"] {
        of_values().to_zarr_array(at("group"), name, &ZarrOptions::new())?;
    }
    assert_eq!(zarr_arrays(at("group"))?, ["b", "deep/c", "deep/er/a"]);
    assert!(zarr_attributes(at("group/deep"))?.is_empty());
    check::<f64>(Array::open_zarr_array(at("group"), "deep/er/a", 2));
    check::<f64>(Array::open_zarr(at("group/deep/er/a")));
    let error = Array::<f64>::open_zarr(at("group")).unwrap_err().to_string();
    assert!(error.contains("it has `b`, `deep/c`, `deep/er/a`"), "{error}");
    let error = Array::<f64>::open_zarr(at("nowhere")).unwrap_err().to_string();
    assert!(error.starts_with("cannot open ") && error.contains("nothing is stored"), "{error}");
    let error = Array::<f64>::open_zarr(at("group/b")).unwrap().to_zarr_region(at("group/b"), &[0, 0]).unwrap_err();
    assert!(error.to_string().contains("is read by the array that is to be stored there"), "{error}");
    Ok(())
}

#[test]
fn what_is_stored_in_memory_is_read_again() -> Tested {
    round(|name| Location::new(format!("memory://round/{name}")))
}

#[test]
fn what_is_stored_in_a_bucket_is_read_again() -> Tested {
    let server = Server::start();
    round(|name| bucket(&server, name))?;
    assert!(server.asked().iter().all(|asked| asked.headers.contains_key("authorization")));
    let options = [("anon", "True".to_owned()), ("endpoint_url", format!("http://{}", server.address))];
    server.answers(|_| Answer::Well);
    check::<f64>(Array::open_zarr(Location::new("s3://bucket/group/b").options(options)));
    assert!(!server.asked().is_empty());
    assert!(server.asked().iter().all(|asked| !asked.headers.contains_key("authorization")));
    Ok(())
}

/// Who may not list a bucket is forbidden what is not there.
#[test]
fn a_bucket_that_may_not_be_listed_is_read() -> Tested {
    let server = Server::start();
    for version in [2, 3] {
        let at = || bucket(&server, &format!("x{version}.zarr"));
        of_values().to_zarr(at(), &ZarrOptions::new().version(version))?;
        let there = server.keys();
        server.answers(move |asked| {
            let known = there.iter().any(|key| asked.path == format!("/{key}"));
            if known { Answer::Well } else { Answer::Status(403) }
        });
        check::<f64>(Array::open_zarr(at()));
        server.answers(|_| Answer::Well);
    }
    Ok(())
}

#[test]
fn a_large_chunk_is_written_in_parts() -> Tested {
    let server = Server::start();
    let array = Array::<f64>::arange(1 << 22, 1 << 22);
    array.to_zarr(bucket(&server, "large.zarr"), &ZarrOptions::new().compression(Compression::None))?;
    assert!(server.asked().iter().filter(|asked| asked.query.contains("partNumber")).count() >= 2);
    let again = Array::<f64>::open_zarr(bucket(&server, "large.zarr"))?;
    assert_eq!((&again - &array).abs().max().item()?, 0.0);
    Ok(())
}

#[test]
fn others_files_are_read_from_a_web_server() -> Tested {
    fn zarr<T: Formula>(server: &Server, name: &str) {
        server.put_files(name, &data(name));
        check::<T>(Array::open_zarr(server.web(name)));
        check::<T>(Array::open_zarr_array(server.web(name), "", (3, 4)));
    }
    let server = Server::start();
    for name in ["default", "fortran", "slash", "filter"] {
        zarr::<f64>(&server, &format!("{name}.zarr2"));
    }
    for name in ["default", "blosc", "checksum", "dots", "sharded", "transposed"] {
        zarr::<f64>(&server, &format!("{name}.zarr"));
    }
    zarr::<i64>(&server, "type_int64.zarr");
    for name in ["fortran.npy", "stored.npz", "packed.npz", "chunked_latest.h5", "chunked2_earliest.h5", "weather.nc"] {
        server.put_files(&format!("with space/{name}"), &data(name));
    }
    let at = |name: &str| server.web(&format!("with%20space/{name}"));
    check::<f64>(Array::open_npy(at("fortran.npy"), (2, 3)));
    check::<f64>(Array::open_npz(at("stored.npz"), "a", (2, 3)));
    check::<f64>(Array::open_npz(at("packed.npz"), "a", (2, 3)));
    for name in ["chunked_latest.h5", "chunked2_earliest.h5"] {
        let local = hdf5_arrays(data(name))?;
        assert_eq!(hdf5_arrays(at(name))?, local);
        for array in local {
            let Ok(want) = Array::<f64>::open_hdf5(data(name), &array, "auto") else { continue };
            let remote = Array::<f64>::open_hdf5(at(name), &array, "auto")?;
            assert_eq!(remote.compute()?, want.compute()?, "{name}: {array}");
        }
    }
    assert_eq!(hdf5_attributes(at("weather.nc"))?, hdf5_attributes(data("weather.nc"))?);
    let (here, there) = (Array::<f64>::open_netcdf(data("weather.nc"), "t", "auto")?, at("weather.nc"));
    let bits = |array: ArrayD<f64>| array.mapv(f64::to_bits);
    assert_eq!(bits(Array::<f64>::open_netcdf(there, "t", "auto")?.compute()?), bits(here.compute()?));
    Ok(())
}

#[test]
fn any_part_of_a_long_file_is_read_by_few_requests() -> Tested {
    let server = Server::start();
    let want = values_of::<f64>(&[600, 2000]);
    server.put("x.bin", want.iter().flat_map(|value| value.to_ne_bytes()).collect());
    let open = || Array::<f64>::open_raw(server.web("x.bin"), (600, 2000), 0, Layout::RowMajor, (600, 2000));
    server.answers(|_| Answer::Well);
    assert_eq!(open()?.compute()?, want);
    // 9.6 MB, and once more the beginning.
    assert!(server.asked().len() <= 4, "{}", server.asked().len());
    server.answers(|_| Answer::Well);
    let part = s![3..600;7, 11..1999;3];
    assert_eq!(open()?.slice(part).compute()?, want.slice(part).into_dyn());
    assert!(server.asked().len() <= 4, "{}", server.asked().len());
    let column = open()?.slice(s![.., 5]).compute()?;
    assert_eq!(column, want.slice(s![.., 5]).into_dyn());
    Ok(())
}

#[test]
fn groups_on_a_web_server_are_known_from_gathered_metadata() -> Tested {
    let server = Server::start();
    server.put_files("group.zarr", &data("group.zarr"));
    let names = zarr_arrays(data("group.zarr"))?;
    match zarr_arrays(server.web("group.zarr")) {
        Ok(found) => assert_eq!(found, names),
        Err(error) => assert!(error.to_string().contains("consolidated metadata"), "{error}"),
    }
    server
        .put("old.zarr/.zmetadata", br#"{"metadata": {"b/.zarray": {}, "b/.zattrs": {}, "a/c/.zarray": {}}}"#.to_vec());
    assert_eq!(zarr_arrays(server.web("old.zarr"))?, ["a/c", "b"]);
    let error = of_values().to_zarr(server.web("new.zarr"), &ZarrOptions::new()).unwrap_err().to_string();
    assert!(error.contains("web server"), "{error}");
    Ok(())
}

/// Many requests are under way at the same time, more than there are threads: none waits for the one before.
#[test]
fn requests_do_not_wait_for_each_other() -> Tested {
    use std::sync::{Arc, Condvar, Mutex};
    let server = Server::start();
    // One chunk in each block.
    Array::<f64>::ones((64, 64), (8, 64)).to_zarr(bucket(&server, "x.zarr"), &ZarrOptions::new())?;
    let waiting = Arc::new((Mutex::new(0), Condvar::new()));
    let inside = Arc::clone(&waiting);
    server.answers(move |asked| {
        if asked.path.contains("/c/") {
            let (count, all) = &*inside;
            let mut count = count.lock().unwrap();
            *count += 1;
            all.notify_all();
            // All eight come before the first is answered, or they never do.
            drop(all.wait_timeout_while(count, std::time::Duration::from_secs(20), |count| *count < 8).unwrap());
        }
        Answer::Well
    });
    let array = Array::<f64>::open_zarr_array(bucket(&server, "x.zarr"), "", (8, 64))?;
    let start = std::time::Instant::now();
    assert_eq!(array.sum().item()?, 4096.0);
    assert!(*waiting.0.lock().unwrap() == 8 && start.elapsed().as_secs() < 20, "some waited for others");
    Ok(())
}

/// A store of one array with 3 × 3 chunks, read by its address, with faults.
fn faulty() -> (Server, Location) {
    let server = Server::start();
    of_values().to_zarr(bucket(&server, "x.zarr"), &ZarrOptions::new()).unwrap();
    let at = Location::new(server.web("bucket/x.zarr")).option("timeout", "0.3s").option("retries", 2);
    (server, at)
}

#[test]
fn what_passes_is_tried_again() -> Tested {
    for fault in [|| Answer::Status(503), || Answer::CutOff, || Answer::Stalled(std::time::Duration::from_secs(2))] {
        let (server, at) = faulty();
        server.answers(
            move |asked| if asked.before == 0 && asked.path.contains("/c/1/") { fault() } else { Answer::Well },
        );
        assert_eq!(Array::<f64>::open_zarr_array(at, "", (2, 3))?.compute()?, values::<f64>());
        assert!(server.asked().iter().any(|asked| asked.before == 1));
    }
    let (server, at) = faulty();
    server.answers(|_| Answer::Late(std::time::Duration::from_millis(30)));
    check::<f64>(Array::open_zarr(at));
    Ok(())
}

#[test]
fn what_does_not_pass_is_told_with_the_address_and_the_block() {
    let stalled = || Answer::Stalled(std::time::Duration::from_secs(3));
    type Fault = fn() -> Answer;
    let faults: [(Fault, &str); 4] = [
        (|| Answer::Status(500), "500"),
        (|| Answer::Status(403), "forbidden"),
        (|| Answer::CutOff, "ended after"),
        (stalled, "nothing came for 0.3 s"),
    ];
    for (fault, what) in faults {
        let (server, at) = faulty();
        server.answers(move |asked| if asked.path.ends_with("/c/1/2") { fault() } else { Answer::Well });
        let array = Array::<f64>::open_zarr_array(at, "", (2, 3)).unwrap();
        let error = array.compute().unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
        assert!(error.contains(&server.web("bucket/x.zarr/c/1/2")) && error.contains("block (1, 2)"), "{error}");
        // What needs other chunks only is not concerned.
        assert_eq!(array.slice(s![..2, ..]).compute().unwrap(), values::<f64>().slice(s![..2, ..]).into_dyn());
    }
    let (server, at) = faulty();
    server.answers(|_| Answer::Status(500));
    let error = Array::<f64>::open_zarr(at).unwrap_err().to_string();
    assert!(error.contains("500") && error.contains("x.zarr/zarr.json"), "{error}");
    let gone = Location::new("http://127.0.0.1:9/x.zarr").option("retries", 1);
    let error = Array::<f64>::open_zarr(gone).unwrap_err().to_string();
    assert!(error.contains("http://127.0.0.1:9/x.zarr/zarr.json"), "{error}");
}

#[test]
fn a_server_that_gives_no_parts_is_asked_for_the_whole() -> Tested {
    let server = Server::start();
    server.answers(|asked| if asked.headers.contains_key("range") { Answer::Whole } else { Answer::Well });
    for name in ["fortran.npy", "sharded.zarr"] {
        server.put_files(name, &data(name));
    }
    check::<f64>(Array::open_npy(server.web("fortran.npy"), (2, 3)));
    check::<f64>(Array::open_zarr(server.web("sharded.zarr")));
    Ok(())
}

#[test]
fn what_is_not_there_is_the_fill_value() -> Tested {
    let (server, at) = faulty();
    server.answers(|asked| if asked.path.contains("/c/0/") { Answer::Status(404) } else { Answer::Well });
    let got = Array::<f64>::open_zarr(at)?.compute()?;
    assert_eq!(got.slice(s![..2, ..]).sum(), 0.0);
    assert_eq!(got.slice(s![2.., ..]), values::<f64>().slice(s![2.., ..]));
    Ok(())
}

#[test]
fn a_store_that_is_interrupted_never_reads_as_complete_and_runs_again() -> Tested {
    let server = Server::start();
    let at = |name: &str| bucket(&server, name).option("retries", 1);
    for version in [2, 3] {
        let options = ZarrOptions::new().version(version);
        let name = format!("x{version}.zarr");
        // A task fails; then the server does, at a chunk, at the metadata, at the mark that is taken away.
        failing().to_zarr(at(&name), &options).unwrap_err();
        for part in ["1", "zarr.json", ".zarray", "storing_it"] {
            let error = Array::<f64>::open_zarr(at(&name)).unwrap_err().to_string();
            assert!(error.contains("is not complete: storing it"), "{error}");
            let asked_to_write = ["PUT", "POST", "DELETE"];
            server.answers(move |asked| {
                let met = asked.path.ends_with(part) || String::from_utf8_lossy(&asked.body).contains(part);
                let meant = asked_to_write.contains(&asked.method.as_str()) && met;
                // The first time it is the mark that is made, or old metadata that goes.
                if meant && asked.path.contains(part) != (part == "storing_it") {
                    Answer::Status(403)
                } else {
                    Answer::Well
                }
            });
            let done = of_values().to_zarr(at(&name), &options);
            server.answers(|_| Answer::Well);
            if done.is_ok() {
                // That file is none of this version's.
                assert_eq!(part == "zarr.json", version == 2, "{part}");
                failing().to_zarr(at(&name), &options.clone().overwrite(true)).unwrap_err();
            }
        }
        of_values().to_zarr(at(&name), &options)?;
        check::<f64>(Array::open_zarr(at(&name)));
        // A part that is interrupted, and is written again.
        let part = Array::<f64>::ones((2, 2), 1);
        server.answers(|asked| {
            if asked.method == "PUT" && asked.path.ends_with("0") { Answer::Status(403) } else { Answer::Well }
        });
        let error = part.to_zarr_region(at(&name), &[0, 0]).unwrap_err().to_string();
        assert!(error.contains("forbidden") && error.contains("s3://bucket/x"), "{error}");
        server.answers(|_| Answer::Well);
        let error = Array::<f64>::open_zarr(at(&name)).unwrap_err().to_string();
        assert!(error.contains("writing the region of shape (2, 2) from (0, 0) on"), "{error}");
        part.to_zarr_region(at(&name), &[0, 0])?;
        let mut want = values::<f64>();
        want.slice_mut(s![..2, ..2]).fill(1.0);
        assert_eq!(Array::<f64>::open_zarr(at(&name))?.compute()?, want);
    }
    assert!(server.keys().iter().all(|key| !key.contains(".taskloom-writing")), "{:?}", server.keys());
    Ok(())
}

#[test]
fn addresses_and_options_that_make_no_sense_are_told() {
    let open = |at: Location| Array::<f64>::open_zarr(at).unwrap_err().to_string();
    let told = |at: Location, what: &str| {
        let error = open(at);
        assert!(error.contains(what), "{error}");
    };
    told(Location::new("ftp://host/x"), "`ftp://` is not known");
    told(Location::new("s3:///x"), "names no bucket");
    told(Location::new("s3://bucket/x").option("enpoint", "http://host"), "there is no option `enpoint`");
    told(Location::new("s3://bucket/x").option("timeout", "soon"), "`30s` would do");
    told(Location::new("memory://x").option("region", "here"), "there is no option `region`");
    told(Location::new("/tmp/x").option("region", "here"), "a file of this machine has no options");
    told(Location::new("file://x"), "begins with `/`");
    told(Location::new("http://user:secret@127.0.0.1:9/x?key=hidden").option("retries", 0), "http://127.0.0.1:9/x/");
    let secret = Location::new("s3://bucket/x").option("secret", "hidden");
    assert!(!format!("{secret:?}").contains("hidden"));
    let error = Array::<f64>::ones(3, 3).to_npy("s3://bucket/x.npy").unwrap_err().to_string();
    assert!(error.contains("written on this machine only"), "{error}");
}

#[test]
fn an_address_of_a_file_is_its_path() -> Tested {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("with space.zarr");
    of_values().to_zarr(&path, &ZarrOptions::new())?;
    check::<f64>(Array::open_zarr(format!("file://{}", path.display()).replace(' ', "%20")));
    let array = ArrayD::<f64>::zeros(IxDyn(&[0, 3]));
    Array::from_ndarray(array, 2).to_zarr("memory://empty.zarr", &ZarrOptions::new())?;
    assert_eq!(Array::<f64>::open_zarr("memory://empty.zarr")?.shape(), [0, 3]);
    Ok(())
}
