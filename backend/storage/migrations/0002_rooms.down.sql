DROP TABLE attendance;
DROP TABLE rooms;
