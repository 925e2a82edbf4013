let order = vec![
    "map-0", "map-1", "change-0", "map-2", "change-1", "map-3", "change-2", "map-4", "change-3", "map-5", "change-4",
    "largest",
];
