let january = crumbs.clone();
