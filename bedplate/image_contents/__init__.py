"""image_contents: what a finished image must hold, what its files say that it holds, and the verdict."""
