"""One list of frames from two walks: the debugger's kf and hogwalk's own, each row marked by who found it."""
