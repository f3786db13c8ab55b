"""What processors and Windows lay down: instructions, frames, structures."""
