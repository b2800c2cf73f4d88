/** What the server asks of a password. */
export const PASSWORD_HINT = "At least 8 characters, with an upper-case letter, a lower-case letter and a digit.";
