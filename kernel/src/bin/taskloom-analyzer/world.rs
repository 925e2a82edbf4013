//! rust-analyzer's view of a session: the crates, and one file that holds what earlier cells defined and the cell at
//! hand.

use std::path::Path;

use ra_ap_cfg::{CfgAtom, CfgOptions};
use ra_ap_hir::{attach_db, crate_def_map};
use ra_ap_hir_ty::method_resolution::{InherentImpls, TraitImpls};
use ra_ap_ide::{Analysis, AnalysisHost, CrateGraphBuilder, Edition, FileId, SourceRoot};
use ra_ap_ide_db::base_db::{
    AbsPathBuf, CrateBuilderId, CrateDisplayName, CrateName, CrateOrigin, CrateWorkspaceData, DependencyBuilder, Env,
    FileSet, LangCrateOrigin, SourceDatabase, SourceRootId, Version, VfsPath, all_crates, salsa::Durability,
};
use ra_ap_ide_db::{ChangeWithProcMacros, RootDatabase};
use ra_ap_intern::Symbol;
use triomphe::Arc;

use crate::sources::{Package, Sources};

/// The file with the cell. The ids of all others follow it.
pub const CELL: FileId = FileId::from_raw(0);

/// The database, and the crates that are in it.
pub struct World {
    host: AnalysisHost,
    sources: Sources,
    /// For each package the file its modules begin with, once it is loaded.
    loaded: Vec<Option<FileId>>,
    next_file: u32,
    next_root: u32,
}

impl World {
    /// A world with an empty cell and no crates.
    pub fn new(sources: Sources) -> World {
        let loaded = vec![None; sources.packages.len()];
        let mut world =
            World { host: AnalysisHost::default(), sources, loaded, next_file: CELL.index() + 1, next_root: 0 };
        let mut files = FileSet::default();
        files.insert(CELL, VfsPath::new_virtual_path("/session/cell.rs".to_owned()));
        world.add_root(SourceRoot::new_local(files), &[(CELL, String::new())]);
        world
    }

    /// Reads the sources of the packages that are wanted and not there yet. Nothing is analysed by it, and what has
    /// been analysed of the others stays.
    pub fn load(&mut self, is_wanted: impl Fn(&Package) -> bool) {
        for index in 0..self.loaded.len() {
            let package = &self.sources.packages[index];
            if self.loaded[index].is_some() || !is_wanted(package) {
                continue;
            }
            let (mut set, mut texts) = (FileSet::default(), Vec::new());
            for (path, text) in package.files() {
                let id = FileId::from_raw(self.next_file);
                self.next_file += 1;
                if path == package.root {
                    self.loaded[index] = Some(id);
                }
                set.insert(id, VfsPath::new_real_path(path.display().to_string()));
                texts.push((id, text));
            }
            self.add_root(SourceRoot::new_library(set), &texts);
        }
        let mut change = ChangeWithProcMacros::default();
        change.set_crate_graph(self.graph());
        self.host.apply_change(change);
    }

    /// Adds files beside those that are there. A whole new list of roots, which is what rust-analyzer's own changes
    /// are made of, would have everything analysed anew.
    fn add_root(&mut self, root: SourceRoot, texts: &[(FileId, String)]) {
        let durability = if root.is_library { Durability::HIGH } else { Durability::LOW };
        let database = self.host.raw_database_mut();
        let id = SourceRootId(self.next_root);
        self.next_root += 1;
        for (file, _) in texts {
            database.set_file_source_root_with_durability(*file, id, durability);
        }
        database.set_source_root_with_durability(id, Arc::new(root), durability);
        for (file, text) in texts {
            database.set_file_text_with_durability(*file, text, durability);
        }
    }

    fn graph(&self) -> CrateGraphBuilder {
        let workspace = Arc::new(CrateWorkspaceData {
            target: Err("the layout of types is not asked for".into()),
            // Without it everything unstable would be offered.
            toolchain: self.sources.version.as_deref().and_then(|version| Version::parse(version).ok()),
        });
        let mut graph = CrateGraphBuilder::default();
        let mut crates: Vec<Option<CrateBuilderId>> = Vec::new();
        for (package, root) in self.sources.packages.iter().zip(&self.loaded) {
            let id = root.map(|root| add_crate(&mut graph, package, root, &self.sources.cfg, &workspace));
            if let Some(id) = id {
                for (name, index) in &package.dependencies {
                    if let Some(Some(dependency)) = crates.get(*index) {
                        depend(&mut graph, id, name, *dependency, !package.is_standard || name != "alloc", false);
                    }
                }
                if !package.is_standard {
                    self.depend_on_standard(&mut graph, id, &crates);
                }
            }
            crates.push(id);
        }
        let cell = Package {
            name: "session".to_owned(),
            version: None,
            edition: "2024".to_owned(),
            root: "/session/cell.rs".into(),
            features: Vec::new(),
            dependencies: Vec::new(),
            is_standard: false,
        };
        let cell = add_crate(&mut graph, &cell, CELL, &self.sources.cfg, &workspace);
        self.depend_on_standard(&mut graph, cell, &crates);
        if let Some(Some(engine)) = self.sources.index_of("taskloom").and_then(|index| crates.get(index)) {
            depend(&mut graph, cell, "taskloom", *engine, true, false);
        }
        graph
    }

    fn depend_on_standard(
        &self,
        graph: &mut CrateGraphBuilder,
        from: CrateBuilderId,
        crates: &[Option<CrateBuilderId>],
    ) {
        for (package, id) in self.sources.packages.iter().zip(crates) {
            if let (true, Some(id)) = (package.is_standard, id) {
                depend(graph, from, &package.name, *id, package.name != "alloc", true);
            }
        }
    }

    /// Puts another text in the cell's file. Questions about the text before it that are not answered yet end with an
    /// error.
    pub fn set_text(&mut self, text: String) {
        let mut change = ChangeWithProcMacros::default();
        change.change_file(CELL, Some(text));
        self.host.apply_change(change);
    }

    /// Analyses the libraries, once it is called. A change of the world meanwhile would end it.
    ///
    /// What takes the time are the names of each crate and the `impl`s in it. A crate's names need those of the crates
    /// below it, and its `impl`s only its own names, so a second thread follows with them.
    pub fn warming(&self) -> Box<dyn FnOnce() + Send> {
        let (names_db, impls_db) = (self.host.raw_database().clone(), self.host.raw_database().clone());
        let (named, to_collect) = crossbeam_channel::unbounded();
        let collect = move || {
            for krate in to_collect {
                attach_db(&impls_db, || {
                    InherentImpls::for_crate(&impls_db, krate);
                    TraitImpls::for_crate(&impls_db, krate);
                });
            }
        };
        let follower = std::thread::Builder::new().name("impls".to_owned()).stack_size(crate::STACK).spawn(collect);
        Box::new(move || {
            let crates: Vec<_> = all_crates(&names_db).iter().copied().collect();
            for krate in crates {
                attach_db(&names_db, || crate_def_map(&names_db, krate));
                let _ = named.send(krate);
            }
            drop((named, names_db));
            if let Ok(follower) = follower {
                let _ = follower.join();
            }
        })
    }

    /// The world as it is now.
    pub fn view(&self) -> View {
        View { analysis: self.host.analysis(), database: self.host.raw_database().clone() }
    }
}

/// The world as it was at some moment. What is asked of it ends with an error once the world has changed, which waits
/// until all views are dropped.
pub struct View {
    pub analysis: Analysis,
    pub database: RootDatabase,
}

fn add_crate(
    graph: &mut CrateGraphBuilder,
    package: &Package,
    root: FileId,
    cfg: &[String],
    workspace: &Arc<CrateWorkspaceData>,
) -> CrateBuilderId {
    let features = package.features.iter().map(|feature| format!("feature=\"{feature}\""));
    let mut options: CfgOptions = cfg.iter().cloned().chain(features).map(|text| atom(&text)).collect();
    if package.is_standard {
        // Keeps what needs inline assembly or the vendor's intrinsics out; no signature depends on it.
        options.extend([atom("miri")]);
    }
    let edition: Edition = package.edition.parse().unwrap_or(Edition::CURRENT);
    let origin = if package.is_standard {
        CrateOrigin::Lang(LangCrateOrigin::from(package.name.as_str()))
    } else if root == CELL {
        CrateOrigin::Local { repo: None, name: None }
    } else {
        CrateOrigin::Library { repo: None, name: Symbol::intern(&package.name) }
    };
    let mut env = Env::default();
    env.set("CARGO_PKG_NAME", package.name.as_str());
    env.set("CARGO_PKG_VERSION", package.version.clone().unwrap_or_default());
    let folder = package.root.parent().unwrap_or(Path::new("/")).display().to_string();
    let folder = AbsPathBuf::try_from(folder.as_str()).unwrap_or_else(|_| AbsPathBuf::assert("/".into()));
    graph.add_crate_root(
        root,
        edition,
        Some(CrateDisplayName::from_canonical_name(&package.name)),
        package.version.clone(),
        options,
        None,
        env,
        origin,
        Vec::new(),
        false,
        Arc::new(folder),
        workspace.clone(),
    )
}

fn depend(
    graph: &mut CrateGraphBuilder,
    from: CrateBuilderId,
    name: &str,
    to: CrateBuilderId,
    prelude: bool,
    standard: bool,
) {
    let name = CrateName::normalize_dashes(name);
    // Dependencies were added before what depends on them, so there is no cycle.
    let _ = graph.add_dep(from, DependencyBuilder::with_prelude(name, to, prelude, standard));
}

/// A `cfg` as the compiler prints it.
fn atom(text: &str) -> CfgAtom {
    match text.split_once('=') {
        Some((key, value)) => {
            CfgAtom::KeyValue { key: Symbol::intern(key), value: Symbol::intern(value.trim_matches('"')) }
        }
        None => CfgAtom::Flag(Symbol::intern(text)),
    }
}
