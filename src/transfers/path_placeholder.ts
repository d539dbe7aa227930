/** Stands in every command that is handed out for the path that its reader puts there. */
export const PATH_PLACEHOLDER = "<YOUR_FILE_PATH>";
