// SPDX-License-Identifier: Apache-2.0
// Elements without markup: what comes from outside is only ever a text node.

const SVG = 'http://www.w3.org/2000/svg';

function set(el, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name === 'on') {
    for (const [type, listener] of Object.entries(value)) el.addEventListener(type, listener);
  } else if (name === 'dataset') {
    Object.assign(el.dataset, value);
  } else if (name === 'style') {
    for (const [property, text] of Object.entries(value)) el.style.setProperty(property, text);
  } else if (name === 'value' || name === 'checked' || name === 'selected') {
    el[name] = value;
  } else {
    el.setAttribute(name, value === true ? '' : value);
  }
}

function fill(el, props, children) {
  for (const [name, value] of Object.entries(props || {})) set(el, name, value);
  el.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return el;
}

/** An element: attributes, `on: {click}`, `dataset`, `style` (properties, set through CSSOM); strings become text nodes. */
export function h(tag, props, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

/** Takes out what `el` holds and puts `children` there. */
export function replace(el, ...children) {
  el.replaceChildren(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return el;
}

export function $(id) {
  return document.getElementById(id);
}

/** Sets a text only where it changed, so that nothing flickers and selections stay. */
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}
