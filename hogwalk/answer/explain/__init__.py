"""Why a frame is as big as it is."""
