DROP TABLE admissions;
DROP TABLE invitations;
ALTER TABLE rooms
    DROP COLUMN waiting_room,
    DROP COLUMN password_hash,
    DROP COLUMN invitation_required,
    DROP COLUMN one_seat_per_user;
