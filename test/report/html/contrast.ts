/**
 * Runs in the page: the texts in it whose contrast with what is behind them is below 4.5 to 1.
 */
export const contrasts = (): { readonly texts: number; readonly poor: ReadonlyArray<string> } => {
  type Colour = readonly [red: number, green: number, blue: number, alpha: number]
  const parse = (text: string): Colour => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = [...text.matchAll(/[\d.]+/g)].map(Number)
    return [red, green, blue, alpha]
  }
  const over = (top: Colour, below: Colour): Colour => {
    const mix = (at: 0 | 1 | 2): number => top[at] * top[3] + below[at] * (1 - top[3])
    return [mix(0), mix(1), mix(2), 1]
  }
  const behind = (element: Element | null): Colour => {
    if (element === null) return [255, 255, 255, 1]
    const own = parse(getComputedStyle(element).backgroundColor)
    return own[3] === 1 ? own : over(own, behind(element.parentElement))
  }
  const luminance = ([red, green, blue]: Colour): number => {
    const channel = (value: number): number =>
      value <= 10.31 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4
    return 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue)
  }
  const poor = new Set<string>()
  let texts = 0
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const element = node.parentElement
    if (element === null || !node.textContent?.trim() || /^(?:SCRIPT|NOSCRIPT|OPTION)$/.test(element.tagName)) continue
    if (!element.checkVisibility()) continue
    texts++
    const back = behind(element)
    const [a, b] = [luminance(over(parse(getComputedStyle(element).color), back)), luminance(back)]
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
    if (contrast < 4.5) {
      poor.add(`${contrast.toFixed(2)} ${element.className} “${node.textContent.trim().slice(0, 40)}”`)
    }
  }
  return { texts, poor: [...poor].slice(0, 12) }
}
