DROP TABLE room_placements;
