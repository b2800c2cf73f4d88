DROP INDEX attendance_room_id_idx;
CREATE INDEX attendance_room_id_idx ON attendance (room_id, joined_at);
DROP INDEX attendance_open_user_idx;
DROP TABLE messages;
