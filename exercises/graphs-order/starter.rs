let order = vec![
    "map-0", "map-1", "map-2", "map-3", "map-4", "map-5",
    "change-0", "change-1", "change-2", "change-3", "change-4",
    "largest",
];
