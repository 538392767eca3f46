//! The head of lossless WebP data (RFC 9649, section 3), up to the pixels.
//!
//! A few bits of it declare a Huffman table of a thousand entries, and there can be 327,680 tables. A decoder allocates
//! all of them before it reads a pixel. They are counted here, without being built.

use crate::limits::Unacceptable;

/// Symbols of green and lengths, red, blue, alpha, and distances; green has the symbols of a colour cache as well.
const ALPHABETS: [usize; 5] = [256 + 24, 256, 256, 256, 40];
/// The first symbol of green that is a length, and the first that is a cached colour.
const FIRST_LENGTH: usize = 256;
const FIRST_CACHED: usize = FIRST_LENGTH + 24;
const LONGEST_WORD: usize = 15;
/// Words up to so many bits are looked up in a table, of four bytes an entry; longer ones in a tree.
const TABLE_BITS: usize = 10;
const ENTRY: u64 = 4;
const NODE: u64 = 16;
/// Bytes that a decoder keeps for each code beside its table.
const CODE: u64 = 80;
/// The order in which the lengths of the code of lengths are written.
const ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Returns how many bytes the Huffman tables of a picture take, whose data begins after its size.
///
/// # Errors
/// [`Unacceptable`] if the head is malformed, or ends early, or takes more than `most`.
pub(crate) fn tables(data: &[u8], width: u32, height: u32, most: u64) -> Result<u64, Unacceptable> {
    let mut reader = Reader { bits: Bits { data, position: 0 }, memory: 0, most };
    let width = reader.transforms(width, height)?;
    let cache = reader.cache()?;
    let groups = if reader.bits.flag()? {
        let block = reader.bits.read(3)? + 2;
        reader.picture(blocks(width, block), blocks(height, block))? + 1
    } else {
        1
    };
    for _ in 0..groups {
        reader.group(cache)?;
    }
    Ok(reader.memory)
}

/// Returns how many blocks of two to the power of `bits` pixels cover a side.
fn blocks(side: u32, bits: u32) -> u32 {
    side.div_ceil(1 << bits)
}

struct Bits<'a> {
    data: &'a [u8],
    position: usize,
}

struct Reader<'a> {
    bits: Bits<'a>,
    memory: u64,
    most: u64,
}

/// A prefix code: how many words of each length there are, and the symbols in the order of their words.
struct Code {
    counts: [usize; LONGEST_WORD + 1],
    symbols: Vec<usize>,
}

impl Bits<'_> {
    fn read(&mut self, count: u32) -> Result<u32, Unacceptable> {
        let mut value = 0;
        for bit in 0..count {
            let byte = self.data.get(self.position / 8).ok_or(Unacceptable)?;
            value |= u32::from(byte >> (self.position % 8) & 1) << bit;
            self.position += 1;
        }
        Ok(value)
    }

    fn flag(&mut self) -> Result<bool, Unacceptable> {
        self.read(1).map(|bit| bit == 1)
    }

    fn symbol(&mut self, code: &Code) -> Result<usize, Unacceptable> {
        if let [only] = code.symbols[..] {
            return Ok(only);
        }
        let (mut word, mut first, mut index) = (0, 0, 0);
        for count in &code.counts[1..] {
            word |= self.read(1)? as usize;
            if word < first + count {
                return code.symbols.get(index + word - first).copied().ok_or(Unacceptable);
            }
            (index, first, word) = (index + count, (first + count) << 1, word << 1);
        }
        Err(Unacceptable)
    }

    /// Reads the rest of a length or a distance, which `symbol` begins.
    fn distance(&mut self, symbol: usize) -> Result<u64, Unacceptable> {
        if symbol < 4 {
            return Ok(symbol as u64 + 1);
        }
        let extra = u32::try_from((symbol - 2) >> 1).map_err(|_| Unacceptable)?;
        Ok(((2 + (symbol as u64 & 1)) << extra) + u64::from(self.read(extra)?) + 1)
    }
}

impl Code {
    /// Makes the code whose words have these lengths, which must use up all words.
    fn of(lengths: &[usize]) -> Result<Self, Unacceptable> {
        let mut counts = [0; LONGEST_WORD + 1];
        lengths.iter().filter(|length| **length > 0).for_each(|length| counts[*length] += 1);
        let mut symbols: Vec<_> = (0..lengths.len()).filter(|symbol| lengths[*symbol] > 0).collect();
        symbols.sort_by_key(|symbol| lengths[*symbol]);
        let used: usize = (1..=LONGEST_WORD).map(|length| counts[length] << (LONGEST_WORD - length)).sum();
        let is_complete = symbols.len() == 1 || used == 1 << LONGEST_WORD;
        if is_complete { Ok(Self { counts, symbols }) } else { Err(Unacceptable) }
    }

    /// Returns the bytes of its table and its tree.
    fn memory(&self) -> u64 {
        let longest = self.counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        let table = if self.symbols.len() > 1 { ENTRY << longest.min(TABLE_BITS) } else { 0 };
        let leaves: usize = self.counts[TABLE_BITS + 1..].iter().sum();
        CODE + table + 2 * NODE * leaves as u64
    }
}

impl Reader<'_> {
    /// Reads the transforms. Returns the width of the picture that they are applied to.
    fn transforms(&mut self, mut width: u32, height: u32) -> Result<u32, Unacceptable> {
        let mut seen = [false; 4];
        while self.bits.flag()? {
            let kind = self.bits.read(2)?;
            if std::mem::replace(&mut seen[kind as usize], true) {
                return Err(Unacceptable);
            }
            match kind {
                0 | 1 => {
                    let block = self.bits.read(3)? + 2;
                    self.picture(blocks(width, block), blocks(height, block))?;
                }
                3 => {
                    let colours = self.bits.read(8)? + 1;
                    self.picture(colours, 1)?;
                    width = blocks(
                        width,
                        match colours {
                            1..=2 => 3,
                            3..=4 => 2,
                            5..=16 => 1,
                            _ => 0,
                        },
                    );
                }
                _ => {}
            }
        }
        Ok(width)
    }

    /// Reads how many colours are cached.
    fn cache(&mut self) -> Result<usize, Unacceptable> {
        if !self.bits.flag()? {
            return Ok(0);
        }
        let bits = self.bits.read(4)?;
        if (1..=11).contains(&bits) { Ok(1 << bits) } else { Err(Unacceptable) }
    }

    fn group(&mut self, cache: usize) -> Result<[Code; 5], Unacceptable> {
        let [green, red, blue, alpha, distance] = ALPHABETS;
        let sizes = [green + cache, red, blue, alpha, distance];
        let [green, red, blue, alpha, distance] = sizes.map(|size| self.code(size));
        Ok([green?, red?, blue?, alpha?, distance?])
    }

    fn code(&mut self, symbols: usize) -> Result<Code, Unacceptable> {
        let code = if self.bits.flag()? { self.simple_code(symbols) } else { self.long_code(symbols) }?;
        self.memory += code.memory();
        if self.memory <= self.most { Ok(code) } else { Err(Unacceptable) }
    }

    fn simple_code(&mut self, symbols: usize) -> Result<Code, Unacceptable> {
        let has_two = self.bits.flag()?;
        let is_long = self.bits.flag()?;
        let mut chosen = vec![self.bits.read(if is_long { 8 } else { 1 })? as usize];
        if has_two {
            chosen.push(self.bits.read(8)? as usize);
        }
        let mut counts = [0; LONGEST_WORD + 1];
        counts[1] = chosen.len();
        let is_sound = chosen.iter().all(|symbol| *symbol < symbols);
        if is_sound { Ok(Code { counts, symbols: chosen }) } else { Err(Unacceptable) }
    }

    fn long_code(&mut self, symbols: usize) -> Result<Code, Unacceptable> {
        let mut lengths = [0; ORDER.len()];
        let written = 4 + self.bits.read(4)? as usize;
        for position in ORDER.iter().take(written) {
            lengths[*position] = self.bits.read(3)? as usize;
        }
        let code = Code::of(&lengths)?;
        let most = if self.bits.flag()? {
            let bits = 2 + 2 * self.bits.read(3)?;
            2 + self.bits.read(bits)? as usize
        } else {
            symbols
        };
        if most > symbols {
            return Err(Unacceptable);
        }
        let (mut lengths, mut last) = (Vec::with_capacity(symbols), 8);
        for _ in 0..most {
            if lengths.len() == symbols {
                break;
            }
            let (length, count) = match self.bits.symbol(&code)? {
                16 => (last, 3 + self.bits.read(2)?),
                17 => (0, 3 + self.bits.read(3)?),
                18 => (0, 11 + self.bits.read(7)?),
                length => (length, 1),
            };
            last = if length == 0 { last } else { length };
            lengths.extend(std::iter::repeat_n(length, count as usize));
        }
        if lengths.len() > symbols { Err(Unacceptable) } else { Code::of(&lengths) }
    }

    /// Reads the pixels of one of the small pictures in the head. Returns the highest number that red and green make.
    fn picture(&mut self, width: u32, height: u32) -> Result<u32, Unacceptable> {
        let cache = self.cache()?;
        let [green, red, blue, alpha, distance] = self.group(cache)?;
        let (mut left, mut highest) = (u64::from(width) * u64::from(height), 0);
        let is_uniform = [&green, &red, &blue, &alpha].iter().all(|code| code.symbols.len() == 1);
        while left > 0 {
            let symbol = self.bits.symbol(&green)?;
            if symbol < FIRST_LENGTH {
                let number = self.bits.symbol(&red)? << 8 | symbol;
                self.bits.symbol(&blue)?;
                self.bits.symbol(&alpha)?;
                highest = highest.max(u32::try_from(number).map_err(|_| Unacceptable)?);
                left -= if is_uniform { left } else { 1 };
            } else if symbol < FIRST_CACHED {
                let length = self.bits.distance(symbol - FIRST_LENGTH)?;
                let distance = self.bits.symbol(&distance)?;
                self.bits.distance(distance)?;
                left = left.checked_sub(length).ok_or(Unacceptable)?;
            } else {
                left -= 1;
            }
        }
        Ok(highest)
    }
}
