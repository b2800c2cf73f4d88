/** The page's icons: 24 by 24, drawn in the text's colour, silent to screen readers. */

function icon(path: string) {
  return function Icon() {
    return (
      <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        <path d={path} />
      </svg>
    );
  };
}

const MIC_STAND = "M5 11a7 7 0 0 0 14 0 M12 18v3 M8.5 21h7";

export const MicIcon = icon(`M9 6a3 3 0 0 1 6 0v5a3 3 0 0 1-6 0z ${MIC_STAND}`);
export const MicOffIcon = icon(
  "M9 9v2a3 3 0 0 0 4.6 2.5 M15 10.5V6a3 3 0 0 0-5.9-.8 M5 11a7 7 0 0 0 10.7 6 M18.6 13.4A7 7 0 0 0 19 11 M12 18v3 M8.5 21h7 M3.5 3.5l17 17",
);
export const CameraIcon = icon("M3 8a2 2 0 0 1 2-2h9a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z M16 10.5l5-3v9l-5-3");
export const CameraOffIcon = icon(
  "M9.5 6H14a2 2 0 0 1 2 2v4.5 M16 16a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2 M16 10.5l5-3v9l-3-1.8 M3.5 3.5l17 17",
);
export const LeaveIcon = icon("M14 4h4a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2h-4 M10 8l-4 4 4 4 M6.5 12H15");
export const LinkIcon = icon(
  "M10 13.5a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7l-1.2 1.2 M14 10.5a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7l1.2-1.2",
);
export const CheckIcon = icon("M4.5 12.5l5 5 10-11");
export const PeopleIcon = icon(
  "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z M2.5 20a6.5 6.5 0 0 1 13 0 M15.5 4.4a3.5 3.5 0 0 1 0 6.2 M18 14.2a6.5 6.5 0 0 1 3.5 5.8",
);
export const LockIcon = icon("M6 11h12v9H6z M8.5 11V8a3.5 3.5 0 0 1 7 0v3");
export const PlusIcon = icon("M12 5v14 M5 12h14");
export const ArrowIcon = icon("M5 12h14 M13 6l6 6-6 6");
export const SoundIcon = icon("M4 9.5h4l5-4v13l-5-4H4z M16.5 9a4.5 4.5 0 0 1 0 6 M19 6.5a8 8 0 0 1 0 11");
export const AlertIcon = icon("M12 4.5L2.8 20h18.4z M12 10.5v4 M12 17.2v.3");
export const HandIcon = icon(
  "M7 12.5V6.8a1.4 1.4 0 0 1 2.8 0V11 M9.8 11V4.9a1.4 1.4 0 0 1 2.8 0V11 M12.6 11V5.9a1.4 1.4 0 0 1 2.8 0V12 M15.4 12V8.4a1.4 1.4 0 0 1 2.8 0v6.1a6.5 6.5 0 0 1-6.5 6.5c-2.6 0-4-.9-5.4-3.1l-2.6-4.2a1.5 1.5 0 0 1 2.5-1.6L7 13.5",
);
export const ChatIcon = icon("M4 5h16v11H11l-4.5 4v-4H4z M8 9h8 M8 12h5");
export const SendIcon = icon("M4 4.5l16.5 7.5L4 19.5l2.5-7.5z M6.5 12h7");
export const CloseIcon = icon("M6 6l12 12 M18 6L6 18");
export const RemoveIcon = icon("M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z M2.5 20a6.5 6.5 0 0 1 13 0 M17 8l5 5 M22 8l-5 5");
export const SettingsIcon = icon("M4 7h9 M17 7h3 M15 5v4 M4 12h3 M11 12h9 M9 10v4 M4 17h9 M17 17h3 M15 15v4");
export const CopyIcon = icon("M9 9h10v11H9z M5 15V4h10");
export const SearchIcon = icon("M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13z M15.5 15.5L21 21");
export const DownloadIcon = icon("M12 4v11 M7.5 10.5L12 15l4.5-4.5 M5 20h14");
export const TrashIcon = icon("M5 7h14 M10 4h4 M7 7l1 13h8l1-13 M10.5 11v5 M13.5 11v5");
export const DownIcon = icon("M12 5v14 M6 13l6 6 6-6");
