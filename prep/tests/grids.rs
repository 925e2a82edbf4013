//! Prepares gridded data, with a stand-in for the session that runs its recipe.

use std::cell::Cell;
use std::fs;
use std::path::Path;

use taskloom_prep::{Grid, Grids, PrepError, Recipe};

/// Writes a file, and one in a folder, as a Zarr store is.
fn cook(recipe: &Recipe, text: &str) -> Result<(), String> {
    let write = |path: &str| {
        let path = recipe.folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).and_then(|()| fs::write(path, text))
    };
    write("sst.nc").and_then(|()| write("sst.zarr/sst/c/0")).map_err(|error| error.to_string())
}

/// Prepares the ocean; the number of times a recipe was run.
fn prepare(grids: &Grids, text: &str) -> usize {
    let runs = Cell::new(0);
    let made = grids.prepare(
        &mut |recipe| {
            runs.set(runs.get() + 1);
            cook(recipe, text)
        },
        &mut |_| {},
    );
    assert_eq!(made.unwrap_or_else(|error| panic!("{error}")).fresh, runs.get() == 1);
    runs.get()
}

fn listing(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn data_is_made_once_and_again_when_it_is_damaged_or_another_is_wanted() {
    let bench = tempfile::tempdir().unwrap();
    let ocean = Grids::new(bench.path(), Grid::Ocean);
    assert_eq!(prepare(&ocean, "one"), 1);
    assert_eq!(prepare(&ocean, "two"), 0);
    assert_eq!(listing(bench.path()), [".ocean.lock", "ocean"]);
    assert_eq!(listing(&bench.path().join("ocean")), [".manifest", "SOURCE.txt", "sst.nc", "sst.zarr"]);

    let chunk = bench.path().join("ocean/sst.zarr/sst/c/0");
    fs::write(&chunk, "onf").unwrap();
    assert_eq!(prepare(&ocean, "two"), 1, "a byte of a chunk was changed");
    assert_eq!(fs::read_to_string(&chunk).unwrap(), "two");

    assert_eq!(prepare(&ocean.clone().refresh(true), "three"), 1);
    assert_eq!(prepare(&ocean.clone().detail(2), "four"), 1, "another detail is other data");
    assert_eq!(prepare(&ocean.detail(2), "five"), 0);
}

#[test]
fn files_of_yours_are_kept() {
    let bench = tempfile::tempdir().unwrap();
    let ocean = Grids::new(bench.path(), Grid::Ocean);
    prepare(&ocean, "one");
    fs::write(bench.path().join("ocean/notes.txt"), "mine").unwrap();
    prepare(&ocean.refresh(true), "two");
    assert_eq!(fs::read_to_string(bench.path().join("ocean/notes.txt")).unwrap(), "mine");
}

#[test]
fn a_recipe_that_fails_leaves_everything_as_it_was() {
    let bench = tempfile::tempdir().unwrap();
    let ocean = Grids::new(bench.path(), Grid::Ocean);
    prepare(&ocean, "one");
    let again = ocean.refresh(true);
    let error = again.prepare(
        &mut |recipe| {
            cook(recipe, "half").unwrap();
            Err("the session ended.".to_owned())
        },
        &mut |_| {},
    );
    let error = error.unwrap_err();
    assert!(matches!(error, PrepError::Recipe { .. }));
    assert!(error.to_string().ends_with("ocean could not be made: the session ended."), "{error}");
    let nothing = again.prepare(&mut |_| Ok(()), &mut |_| {}).unwrap_err();
    assert!(nothing.to_string().contains("made no file"), "{nothing}");
    assert_eq!(fs::read_to_string(bench.path().join("ocean/sst.nc")).unwrap(), "one");
    assert_eq!(listing(bench.path()), [".ocean.lock", "ocean"]);
}

#[test]
fn recipes_are_cells_that_know_their_folder() {
    for grid in Grid::ALL {
        let bench = tempfile::tempdir().unwrap();
        let data = bench.path().join("a \"quoted\" folder");
        let mut seen = None;
        let made = Grids::new(&data, grid).prepare(
            &mut |recipe| {
                seen = Some(recipe.clone());
                cook(recipe, "x")
            },
            &mut |_| {},
        );
        made.unwrap_or_else(|error| panic!("{error}"));
        let recipe = seen.unwrap();
        assert!(recipe.folder.is_absolute());
        assert!(recipe.code.starts_with('{') && recipe.code.ends_with("}\n"));
        assert!(recipe.code.contains("\\\"quoted\\\""), "the folder's name is a string of Rust");
        assert!(fs::read_to_string(data.join(grid.name()).join("SOURCE.txt")).unwrap().contains("SYNTHETIC"));
    }
}
