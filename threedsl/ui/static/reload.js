() => location.reload()
