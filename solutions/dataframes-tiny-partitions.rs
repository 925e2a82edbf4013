let january = crumbs.repartition(8);
