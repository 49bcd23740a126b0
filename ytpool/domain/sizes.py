"""Numbers of bytes as people read them, on terminals and on pages alike."""


def spoken_bytes(count: float) -> str:
    """Word a number of bytes as people do: powers of ten, three digits."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "bytes" or count >= 99.5 else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"
